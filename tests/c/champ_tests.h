/* All tests of the trie: what test_champ_map.c and test_champ_set.c run. */
#include "champ_bulk.h"
#include "champ_compare.h"
#include "champ_edit.h"
#include "champ_walk.h"

static void (*const once[])(void) = {
    two_keys_part_where_their_hashes_do,
    keys_of_one_hash_stand_below_all_levels,
    equal_halves_are_not_equal_hashes,
    a_failing_comparison_is_told_from_absence,
    what_is_unique_is_edited_where_it_is,
    replacing_in_place_allocates_nothing,
    what_is_shared_is_copied_and_the_rest_is_not,
    a_general_entry_makes_its_ancestors_general,
    bits_are_counted_without_the_instruction_too,
    a_build_of_thousands,
    shared_subtrees_are_skipped,
    resolve_sees_shared_entries_too,
    differences_are_found_without_looking_at_the_rest,
    the_hash_is_that_of_a_frozenset,
    no_hash_is_minus_one,
    a_known_hash_is_not_computed_again,
    equality_skips_what_is_shared_and_what_hashes_tell,
    the_check_finds_broken_bitmaps,
    the_check_finds_entries_out_of_place,
    the_check_finds_broken_collisions,
    the_check_finds_what_a_plain_node_may_not_hold,
    the_check_finds_a_stale_hash,
};

static void (*const with_each_hash[])(void) = {
    any_history_of_versions,
    any_history_in_place,
    removing_all_leaves_the_empty_root,
    a_build_of_any_size,
    a_build_with_equal_keys_keeps_the_first,
    merging_agrees_with_the_model,
    a_union_with_a_rebuilt_superset_is_that_superset,
    a_subset_has_no_key_of_its_own,
    differences_are_those_of_the_model,
    iteration_visits_each_entry_once,
    no_edit_leaves_a_stale_hash,
    a_value_without_hash_fails_the_whole,
    equality_follows_from_contents,
    one_other_key_is_not_equal,
    a_failing_comparison_fails_equality,
};

int
main(void)
{
    for (unsigned i = 0; i < sizeof once / sizeof *once; i++) {
        once[i]();
        fake_check_no_leak();
    }
    for (unsigned i = 0; i < sizeof with_each_hash / sizeof *with_each_hash; i++)
        for_each_hash(with_each_hash[i]);
    return 0;
}
