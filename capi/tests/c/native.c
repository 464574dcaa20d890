/*
 * Tests of the calls of groupscan.h, in C and C++: cases for each call, each status and each promise of the
 * header. Each case cleans up.
 *
 * Most cases run once for IPv4 and once for IPv6. They name addresses of either family by small numbers, and
 * compare with a model: a sorted array.
 *
 * The parts of the program are in the folder native; each needs those that are included before it. C99 and
 * C++98. With MGM_QUICK in the environment the long cases take far fewer turns, for valgrind.
 */
#define _POSIX_C_SOURCE 200809L

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "groupscan.h"
#include "mgm.h"

#include "check.h"

static int quick;

#include "native/layout.h"
#include "native/calls.h"
#include "native/model.h"
#include "native/questions.h"
#include "native/library.h"
#include "native/growth.h"
#include "native/tables.h"
#include "native/snapshots.h"
#include "native/enumerations.h"
#include "native/at_work.h"
#include "native/clients.h"
#include "native/handles.h"
#include "native/steps.h"
#include "native/turns.h"

/* The last case: by now every status that a caller can cause has occurred. */
static void every_status_was_met(void)
{
    int status;
    for (status = 1; status < STATUSES; status++) {
        int never = status == GROUPSCAN_ERROR_OUT_OF_MEMORY || status == GROUPSCAN_ERROR_INTERNAL;
        CHECK_EQ(met[status], !never);
    }
}

typedef void (*Case)(void);
typedef void (*FamilyCase)(int six);

static const Case first_cases[] = {
    the_process_has_one_manager,
    the_versions_agree,
    every_status_has_a_message,
    null_pointers_of_table_calls,
    null_pointers_of_snapshot_calls,
    null_pointers_of_manager_calls,
    null_pointers_of_steps,
    options_may_be_longer_and_not_shorter,
    structs_that_are_given_may_be_longer_and_not_shorter,
    elements_of_lists_may_be_longer_and_not_shorter,
    structs_need_not_be_aligned,
    families_have_nothing_in_common_but_versions,
    counts_beyond_memory,
    live_versions_bound_snapshots,
    reclaiming_says_whether_there_is_more,
    records_are_in_network_byte_order,
};

static const FamilyCase family_cases[] = {
    null_pointers_of_enumeration_calls,
    a_bulk_change_is_one_commit,
    a_refused_element_changes_nothing,
    flags_come_and_go_one_by_one,
    memberships_without_joins_are_not_enumerated_as_joins,
    leave_all_is_of_one_protocol_on_one_interface,
    a_replacement_is_exactly_its_list,
    a_replacement_joins_and_no_more,
    an_update_leaves_and_then_joins,
    a_list_has_to_ascend,
    steps_come_to_the_whole_replacement,
    steps_come_to_the_whole_removal,
    steps_find_what_others_change_behind_the_place,
    arguments_of_steps_are_checked,
    a_step_checks_what_it_looks_at,
    node_bytes_bound_joins_and_snapshots,
    mapped_bytes_bound_joins_and_not_leaves,
    leave_all_works_in_several_versions,
    trimming_gives_memory_back,
    memory_is_told,
    a_snapshot_never_changes,
    each_object_outlives_those_that_it_came_from,
    a_snapshot_answers_by_the_model,
    an_empty_snapshot_has_answers_too,
    steps_go_on_in_another_version,
    orders_are_checked,
    a_clone_is_another_holder_of_the_version,
    keys_are_good_as_long_as_the_snapshot,
    prefixes_of_every_length,
    prefixes_and_views_are_checked,
    fields_of_filters_are_checked,
    every_size_and_alignment_of_buffer,
    a_buffer_that_is_too_small_leaves_everything_in_place,
    an_exact_rest_reports_that_none_remain,
    positions_name_what_was_given,
    positions_count_what_was_passed_over,
    an_enumeration_resumes_where_another_stopped,
    an_enumeration_resumes_in_another_version,
    positions_among_memberships_count_protocols,
    positions_among_all_memberships_name_interfaces,
    all_memberships_may_be_those_of_an_interface,
    positions_are_checked,
    parts_are_the_whole,
    there_are_parts_and_not_too_many,
    a_table_is_as_its_model,
    threads_share_an_enumeration,
    readers_never_see_half_a_change,
    a_host_moves_without_a_gap,
};

static const Case last_cases[] = {
    clients_register_and_deregister_once,
    an_interface_has_one_owner,
    memberships_are_for_owners_and_igmp,
    a_refused_membership_changes_nothing,
    multicast_groups_have_bounds,
    an_interface_may_lose_its_last_membership_on_the_way,
    clients_leave_and_join_in_one_commit,
    clients_leave_and_replace_all_of_an_interface,
    handles_enumerate_as_snapshots_do,
    starts_are_checked,
    an_enumeration_is_of_one_point_in_time,
    invalid_handles_are_refused,
    managers_have_limits,
    managers_have_default_limits,
    managers_keep_a_version_for_each_enumeration,
    limits_may_be_any_numbers,
    node_bytes_bound_managers,
    mapped_bytes_bound_managers,
    clients_replace_and_leave_in_steps,
    the_last_step_releases_and_deregisters,
    steps_of_clients_are_checked,
    unused_enumerations_expire,
    starts_make_room_for_themselves,
    running_enumerations_are_listed,
    managers_tell_how_their_memory_is_spent,
    managers_have_nothing_in_common,
    a_manager_goes_with_all_that_runs,
    threads_share_a_handle,
    an_end_while_threads_read,
    of_threads_that_end_one_is_told_so,
    calls_on_a_table_give_up,
    calls_on_a_manager_give_up,
    every_status_was_met,
};

int main(void)
{
    size_t n;
    quick = getenv("MGM_QUICK") != NULL;
    for (n = 0; n < COUNT(first_cases); n++)
        first_cases[n]();
    for (n = 0; n < COUNT(family_cases); n++) {
        family_cases[n](0);
        family_cases[n](1);
    }
    for (n = 0; n < COUNT(last_cases); n++)
        last_cases[n]();
    printf("%lu cases passed\n",
           (unsigned long)(COUNT(first_cases) + 2 * COUNT(family_cases) + COUNT(last_cases)));
    return 0;
}
