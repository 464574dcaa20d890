/*
 * A process with one thread forks: parent and child then have independent copies of its tables, snapshots and
 * handles.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "groupscan.h"
#include "mgm.h"

#define IGMP 10

static groupscan_table *table;
static groupscan_snapshot *before;
static HANDLE protocol, enumeration;

static void join(unsigned char last)
{
    groupscan_membership4 membership = { { 239, 1, 1, 0 }, { 0, 0, 0, 0 }, { 2, { 0, 0, 0, 0 } }, 1 };
    membership.group[3] = last;
    CHECK_EQ(groupscan_table_join4(table, IGMP, &membership, 1, NULL), GROUPSCAN_OK);
}

static size_t joins(const groupscan_snapshot *snapshot)
{
    groupscan_snapshot_info info;
    CHECK_EQ(groupscan_snapshot_get_info(snapshot, &info, sizeof info), GROUPSCAN_OK);
    return info.ipv4.joins;
}

static size_t joins_now(void)
{
    groupscan_snapshot *now;
    size_t count;
    CHECK_EQ(groupscan_table_snapshot(table, &now), GROUPSCAN_OK);
    count = joins(now);
    groupscan_snapshot_destroy(now);
    return count;
}

/* Changes the table, reads what existed before the fork, and destroys everything. */
static void use_and_end(unsigned char first, unsigned char more)
{
    unsigned char number;
    SOURCE_GROUP_ENTRY entries[4];
    DWORD bytes = sizeof entries, count;

    for (number = 0; number < more; number++)
        join((unsigned char)(first + number));
    CHECK_EQ(joins_now(), 3 + more);
    CHECK_EQ(joins(before), 3);
    CHECK_EQ(MgmGroupEnumerationGetNext(enumeration, &bytes, (PBYTE)entries, &count),
             ERROR_NO_MORE_ITEMS);
    CHECK_EQ(count, 1);
    CHECK_EQ(MgmGroupEnumerationEnd(enumeration), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationEnd(enumeration), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmDeRegisterMProtocol(protocol), NO_ERROR);
    groupscan_snapshot_destroy(before);
    groupscan_table_destroy(table);
}

int main(void)
{
    DWORD group;
    pid_t child;
    int status;

    CHECK_EQ(groupscan_table_create(NULL, &table), GROUPSCAN_OK);
    join(1);
    join(2);
    join(3);
    CHECK_EQ(groupscan_table_snapshot(table, &before), GROUPSCAN_OK);
    memcpy(&group, "\xef\x01\x01\x01", sizeof group);
    CHECK_EQ(MgmRegisterMProtocol(NULL, IGMP, 0, &protocol), NO_ERROR);
    CHECK_EQ(MgmAddGroupMembershipEntry(protocol, 0, 0, group, 0xffffffffu, 2, 0, 1), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationStart(protocol, ALL_SOURCES, &enumeration), NO_ERROR);

    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        use_and_end(10, 100);
        exit(0);
    }
    use_and_end(200, 7);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
