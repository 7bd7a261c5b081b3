/* The trie of maps: entries are keys and values. */
#define ENTRY_WIDTH 2
#include "champ_tests.h"
