/* The trie of sets: entries are keys. */
#define ENTRY_WIDTH 1
#include "champ_tests.h"
