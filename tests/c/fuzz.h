/* What the fuzzers share: an input that is read byte by byte, and a driver for where there is no libFuzzer.
 *
 * A fuzzer is a function of an input: LLVMFuzzerTestOneInput.  Compiled with -fsanitize=fuzzer and -DFUZZ_BY_LIBFUZZER it
 * is driven by clang's libFuzzer, which looks for inputs that reach new code.  Without both, any compiler makes a program
 * of it that makes inputs from seeds:
 *
 *     ./a.out                          1,000 inputs, from seed 1 on
 *     ./a.out --seed=7 --runs=1        the input of seed 7 alone: how a finding is repeated
 *     ./a.out --seconds=60 --length=800
 *
 * The inputs run in a child process, so that the program can name the seed however the child ended: by CHECK, by a
 * sanitizer, by a signal, or by an input that takes longer than a minute. */
#ifndef FROZEN_TESTS_FUZZ_H
#define FROZEN_TESTS_FUZZ_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1 /* fork, alarm, mmap: include this header first */
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the input, a byte at a time; zeros when it is used up ---- */

static const uint8_t *input, *input_end;

static void
input_begin(const uint8_t *data, size_t size)
{
    input = data;
    input_end = data + size;
}

static unsigned
next_byte(void)
{
    return input < input_end ? *input++ : 0;
}

static inline bool
input_is_left(void)
{
    return input < input_end;
}

/* ---- without libFuzzer ---- */

#ifndef FUZZ_BY_LIBFUZZER

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SECONDS = 60 };

typedef struct { unsigned long long seed, runs, seconds, length; } fuzz_options;

static uint8_t
random_byte(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint8_t)(*state * UINT64_C(0x2545F4914F6CDD1D) >> 56);
}

/* Short inputs are as frequent as long ones; the bytes are of any value. */
static void
run_seed(unsigned long long seed, size_t length)
{
    uint64_t state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
    for (unsigned i = 0; i < 8; i++)
        random_byte(&state);
    size_t size = ((size_t)random_byte(&state) << 8 | random_byte(&state)) % length + 1;
    uint8_t *data = malloc(size); /* of this very size: ASan sees a read behind its end */
    for (size_t i = 0; i < size; i++)
        data[i] = random_byte(&state);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static void
run_seeds(const fuzz_options *options, volatile unsigned long long *running)
{
    time_t end = time(NULL) + (time_t)options->seconds;
    for (unsigned long long i = 0; options->seconds ? time(NULL) < end : i < options->runs; i++) {
        *running = options->seed + i;
        alarm(INPUT_SECONDS);
        run_seed(*running, options->length);
    }
    alarm(0);
    *running += 1;
}

static void
read_option(fuzz_options *options, const char *text)
{
    const struct { const char *name; unsigned long long *value; } known[] = {
        {"--seed=", &options->seed}, {"--runs=", &options->runs},
        {"--seconds=", &options->seconds}, {"--length=", &options->length},
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);
        char *end = NULL;
        if (strncmp(text, known[i].name, length) == 0)
            *known[i].value = strtoull(text + length, &end, 10);
        if (end != NULL && end != text + length && *end == '\0')
            return;
    }
    fprintf(stderr, "%s: not --seed=N, --runs=N, --seconds=N or --length=N\n", text);
    exit(2);
}

int
main(int argc, char **argv)
{
    fuzz_options options = {.seed = 1, .runs = 1000, .length = 400};
    for (int i = 1; i < argc; i++)
        read_option(&options, argv[i]);
    options.length += options.length == 0;
    volatile unsigned long long *running =
        mmap(NULL, sizeof *running, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (running == MAP_FAILED)
        return perror("mmap"), 2;
    *running = options.seed;
    pid_t child = fork();
    if (child == 0) {
        run_seeds(&options, running);
        exit(0); /* where LeakSanitizer looks */
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return perror("fork"), 2;
    if (status == 0) {
        printf("%llu inputs, from seed %llu on\n", *running - options.seed, options.seed);
        return 0;
    }
    fprintf(stderr, "FOUND: %s %d; to repeat it: %s --seed=%llu --runs=1 --length=%llu\n",
            WIFSIGNALED(status) ? "ended by signal" : "ended with status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), argv[0], *running, options.length);
    return 1;
}

#endif

#endif
