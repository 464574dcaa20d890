/*
 * The heap is used up, and the system gives no more memory. Each call returns a status and changes nothing, or
 * does without memory, or removes as much as it can; none ends the process. Each call is made in a child of
 * its own.
 *
 * The children make so few changes that crossbeam-epoch seals no bag of garbage, which cannot be refused
 * (docs/design.md).
 */
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "groupscan.h"
#include "mgm.h"

#define IGMP 10
#define COUNT_OF_JOINS 10

/* What exists before the heap is used up. */
static groupscan_table *table;
static groupscan_manager *manager;
static groupscan_protocol_handle client;
static groupscan_enumeration_handle running;
static groupscan_snapshot *snapshot;
static groupscan_enumeration *enumeration;
static groupscan_position position;

/* Places for results. */
static groupscan_table *new_table;
static groupscan_manager *new_manager;
static groupscan_protocol_handle new_client;
static groupscan_enumeration_handle new_running;
static groupscan_snapshot *new_snapshot;
static groupscan_enumeration *new_enumerations[4];
static groupscan_outcome outcome;
static groupscan_retained retained[4];
static groupscan_manager_enumeration4 enumerations[4];
static groupscan_interface4 interfaces[4];
static unsigned char buffer[4096];
static size_t count;
static bool more;

static const groupscan_interface4 lan = { 2, { 0, 0, 0, 0 } }, wan = { 3, { 0, 0, 0, 0 } };

static groupscan_membership4 membership(unsigned char last)
{
    groupscan_membership4 one = { { 239, 1, 1, 0 }, { 0, 0, 0, 0 }, { 2, { 0, 0, 0, 0 } }, 1 };
    one.group[3] = last;
    return one;
}

static void set_up(void)
{
    unsigned char number;

    CHECK_EQ(groupscan_table_create(NULL, &table), GROUPSCAN_OK);
    CHECK_EQ(groupscan_manager_create(NULL, &manager), GROUPSCAN_OK);
    CHECK_EQ(groupscan_manager_register(manager, IGMP, 0, &client), GROUPSCAN_OK);
    for (number = 0; number < COUNT_OF_JOINS; number++) {
        groupscan_membership4 one = membership(number);
        CHECK_EQ(groupscan_table_join4(table, IGMP, &one, 1, NULL), GROUPSCAN_OK);
        CHECK_EQ(groupscan_manager_join4(manager, client, &one, 1, NULL), GROUPSCAN_OK);
    }
    CHECK_EQ(groupscan_table_snapshot(table, &snapshot), GROUPSCAN_OK);
    CHECK_EQ(groupscan_snapshot_enumerate4(snapshot, 0, NULL, &enumeration), GROUPSCAN_OK);
    CHECK_EQ(groupscan_enumeration_position(enumeration, &position), GROUPSCAN_OK);
    CHECK_EQ(groupscan_manager_start4(manager, client, 0, NULL, &running), GROUPSCAN_OK);
}

static void use_up_the_heap(void)
{
    struct rlimit none = { 0, 0 };
    size_t size;
    void *volatile last;

    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    for (size = 1 << 20; size >= 16; size /= 2)
        while ((last = malloc(size)) != NULL)
            continue;
}

static size_t memberships(void)
{
    groupscan_stats of_table, of_manager;
    CHECK_EQ(groupscan_table_stats(table, &of_table, sizeof of_table), GROUPSCAN_OK);
    CHECK_EQ(groupscan_manager_stats(manager, &of_manager, sizeof of_manager), GROUPSCAN_OK);
    return of_table.ipv4.memberships + of_manager.ipv4.memberships;
}

/* What a call does without memory. */
enum expected {
    IS_REFUSED,
    WORKS,
    WORKS_OR_IS_REFUSED
};

static enum expected expected;

/* Makes the call of a number, and says in `expected` what it does. There is none from some number on. */
static int call(int number, const char **name)
{
    groupscan_membership4 one = membership(100), first = membership(1);
    groupscan_join4 joins[2] = { { { 239, 2, 0, 1 }, { 0, 0, 0, 0 } }, { { 239, 2, 0, 2 }, { 0, 0, 0, 0 } } };
    groupscan_place4 place = GROUPSCAN_PLACE4_INIT;
    HANDLE handle;

#define CASE(number, what, made)                                                                \
    case number:                                                                                \
        expected = what;                                                                        \
        *name = #made;                                                                          \
        return (int)(made);

    switch (number) {
    CASE(0, IS_REFUSED, groupscan_table_create(NULL, &new_table))
    CASE(1, WORKS_OR_IS_REFUSED, groupscan_table_join4(table, IGMP, &one, 1, &outcome))
    CASE(2, WORKS, groupscan_table_leave4(table, IGMP, &first, 1, &outcome))
    CASE(3, IS_REFUSED, groupscan_table_replace4(table, IGMP, &lan, joins, 2, &outcome))
    CASE(4, WORKS, groupscan_table_leave_all4(table, IGMP, &lan, &outcome))
    CASE(5, WORKS, groupscan_table_leave_everywhere4(table, IGMP, &outcome))
    CASE(6, IS_REFUSED, groupscan_table_replace4_step(table, IGMP, &lan, joins, 2, GROUPSCAN_JOIN, 9,
                                                      &place, &more, &outcome))
    CASE(7, WORKS_OR_IS_REFUSED, groupscan_table_leave_all4_step(table, IGMP, &lan, 9, &place, &more,
                                                                 &outcome))
    CASE(8, WORKS_OR_IS_REFUSED, groupscan_table_leave_everywhere4_step(table, IGMP, 9, &place, &more,
                                                                        &outcome))
    CASE(9, IS_REFUSED, groupscan_table_snapshot(table, &new_snapshot))
    CASE(10, IS_REFUSED, groupscan_table_retained(table, retained, 4, sizeof retained[0], &count))
    CASE(11, WORKS, groupscan_table_reclaim(table, &more))
    CASE(12, WORKS, groupscan_table_trim(table, &more))
    CASE(13, WORKS, (groupscan_table_destroy(table), table = NULL, GROUPSCAN_OK))
    CASE(14, IS_REFUSED, groupscan_snapshot_clone(snapshot, &new_snapshot))
    CASE(15, IS_REFUSED, groupscan_snapshot_enumerate4(snapshot, 0, NULL, &new_enumerations[0]))
    CASE(16, WORKS, groupscan_snapshot_outgoing4(snapshot, joins, interfaces, 4, &count))
    CASE(17, WORKS, groupscan_enumeration_next(enumeration, buffer, sizeof buffer, &count, &more))
    CASE(18, WORKS, groupscan_enumeration_resume_after(enumeration, &position))
    CASE(19, IS_REFUSED, groupscan_enumeration_split(enumeration, new_enumerations, 4))
    CASE(20, WORKS, (groupscan_enumeration_destroy(enumeration), groupscan_snapshot_destroy(snapshot),
                     groupscan_table_reclaim(table, &more)))
    CASE(21, IS_REFUSED, groupscan_manager_create(NULL, &new_manager))
    CASE(22, IS_REFUSED, groupscan_manager_register(manager, 20, 0, &new_client))
    CASE(23, WORKS_OR_IS_REFUSED, groupscan_manager_take_interface4(manager, client, &wan))
    CASE(24, WORKS_OR_IS_REFUSED, groupscan_manager_join4(manager, client, &one, 1, &outcome))
    CASE(25, WORKS, groupscan_manager_leave4(manager, client, &first, 1, &outcome))
    CASE(26, IS_REFUSED, groupscan_manager_replace4(manager, client, &lan, joins, 2, &outcome))
    CASE(27, WORKS, groupscan_manager_leave_all4(manager, client, &lan, &outcome))
    CASE(28, WORKS_OR_IS_REFUSED, groupscan_manager_leave_all4_step(manager, client, &lan, 9, &place,
                                                                   &more, &outcome))
    CASE(29, WORKS_OR_IS_REFUSED, groupscan_manager_deregister_step(manager, client, 9, &place, &more,
                                                                   &outcome))
    CASE(30, WORKS, groupscan_manager_trim(manager, &more))
    CASE(31, IS_REFUSED, groupscan_manager_start4(manager, client, 0, NULL, &new_running))
    CASE(32, WORKS, groupscan_manager_next(manager, running, buffer, sizeof buffer, &count, &more))
    CASE(33, WORKS, groupscan_manager_end(manager, running))
    CASE(34, IS_REFUSED, groupscan_manager_enumerations4(manager, enumerations, 4, sizeof enumerations[0],
                                                        &count))
    CASE(35, IS_REFUSED, groupscan_manager_retained(manager, retained, 4, sizeof retained[0], &count))
    CASE(36, WORKS, groupscan_manager_deregister(manager, client))
    CASE(37, WORKS, (groupscan_manager_destroy(manager), manager = NULL, GROUPSCAN_OK))
    CASE(38, IS_REFUSED, groupscan_manager_of_process(NULL, &new_manager))
    CASE(39, IS_REFUSED, MgmRegisterMProtocol(NULL, 20, 0, &handle) == ERROR_NOT_ENOUGH_MEMORY
                             ? GROUPSCAN_ERROR_OUT_OF_MEMORY : GROUPSCAN_ERROR_INTERNAL)
    }
    return -1;
}

/* In a child. */
static void check_call(int number)
{
    const char *name = NULL;
    size_t before, again;
    int status;

    set_up();
    before = memberships();
    use_up_the_heap();
    status = call(number, &name);
    if (status == -1)
        _exit(2);
    if (expected == WORKS ? status != GROUPSCAN_OK :
        status != GROUPSCAN_ERROR_OUT_OF_MEMORY && (expected == IS_REFUSED || status != GROUPSCAN_OK)) {
        fprintf(stderr, "%s: status %d\n", name, status);
        _exit(1);
    }
    if (status != GROUPSCAN_OK) {
        CHECK_EQ(memberships(), before);
        /* The call left nothing open: another change works, or is refused. */
        again = groupscan_table_leave4(table, IGMP, NULL, 0, NULL);
        CHECK_EQ(again, GROUPSCAN_OK);
    }
    _exit(0);
}

int main(void)
{
    int number;

    for (number = 0;; number++) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            check_call(number);
        CHECK_EQ(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
            break;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "call %d: %s %d\n", number, WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            return 1;
        }
    }
    printf("%d cases passed\n", number);
    return 0;
}
