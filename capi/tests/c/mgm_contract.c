/*
 * The contract of the calls of mgm.h, in C and C++: a case for each row and code of their public
 * documentation, and for each promise beyond it. Each case cleans up.
 *
 * C99 and C++98. With MGM_FOREIGN_HEADER, the quoted path of another mgm.h, it is compiled against that
 * header, which shows that a program written for it works with this library.
 *
 * Under MGM_QUICK in the environment the long cases take far fewer turns, for valgrind.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef MGM_FOREIGN_HEADER
#include "mgm_shim.h"
#include MGM_FOREIGN_HEADER
#else
#include "mgm.h"
#endif

#include "check.h"

STATIC_CHECK(sizeof(DWORD) == 4);
STATIC_CHECK(sizeof(BYTE) == 1);
STATIC_CHECK(sizeof(HANDLE) == sizeof(void *));

STATIC_CHECK(sizeof(SOURCE_GROUP_ENTRY) == 16);
STATIC_CHECK(offsetof(SOURCE_GROUP_ENTRY, dwSourceAddr) == 0);
STATIC_CHECK(offsetof(SOURCE_GROUP_ENTRY, dwSourceMask) == 4);
STATIC_CHECK(offsetof(SOURCE_GROUP_ENTRY, dwGroupAddr) == 8);
STATIC_CHECK(offsetof(SOURCE_GROUP_ENTRY, dwGroupMask) == 12);

STATIC_CHECK(sizeof(MGM_IF_ENTRY) == 16);
STATIC_CHECK(offsetof(MGM_IF_ENTRY, dwIfIndex) == 0);
STATIC_CHECK(offsetof(MGM_IF_ENTRY, dwIfNextHopAddr) == 4);
STATIC_CHECK(offsetof(MGM_IF_ENTRY, bIGMP) == 8);
STATIC_CHECK(offsetof(MGM_IF_ENTRY, bIsEnabled) == 12);

/* Ten words, the first of which has the flags: 80 bytes with pointers of eight bytes. */
STATIC_CHECK(sizeof(ROUTING_PROTOCOL_CONFIG) == 10 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, dwCallbackFlags) == 0);
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnRpfCallback) == sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnCreationAlertCallback) == 2 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnPruneAlertCallback) == 3 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnJoinAlertCallback) == 4 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnWrongIfCallback) == 5 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnLocalJoinCallback) == 6 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnLocalLeaveCallback) == 7 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnDisableIgmpCallback) == 8 * sizeof(void *));
STATIC_CHECK(offsetof(ROUTING_PROTOCOL_CONFIG, pfnEnableIgmpCallback) == 9 * sizeof(void *));

STATIC_CHECK(sizeof(MGM_ENUM_TYPES) == 4);
STATIC_CHECK((int)ANY_SOURCE == 0);
STATIC_CHECK((int)ALL_SOURCES == 1);
STATIC_CHECK(MGM_JOIN_STATE_FLAG == 1);
STATIC_CHECK(MGM_FORWARD_STATE_FLAG == 2);

STATIC_CHECK(NO_ERROR == 0);
STATIC_CHECK(ERROR_NOT_ENOUGH_MEMORY == 8);
STATIC_CHECK(ERROR_INVALID_PARAMETER == 87);
STATIC_CHECK(ERROR_INSUFFICIENT_BUFFER == 122);
STATIC_CHECK(ERROR_ALREADY_EXISTS == 183);
STATIC_CHECK(ERROR_MORE_DATA == 234);
STATIC_CHECK(ERROR_NO_MORE_ITEMS == 259);
STATIC_CHECK(ERROR_CAN_NOT_COMPLETE == 1003);
STATIC_CHECK(ERROR_NOT_FOUND == 1168);

#define JOIN MGM_JOIN_STATE_FLAG
#define FORWARD MGM_FORWARD_STATE_FLAG
#define HOST 0xffffffffu
#define ENTRY_BYTES 16
#define CANARY 0xa5

/* The value of an output parameter before a call that must not write it. */
#define UNTOUCHED 0x5a5a5a5au

#define PIM 0x01370020u
#define IGMP 10u
#define VENDOR_IGMP 0x0137000au
#define LAN 2u
#define NOWHERE 9u

#define PROTOCOLS_MOST 256
#define ENUMERATIONS_MOST 1024
#define OWNED_INTERFACES_MOST 65536

static int quick;

/* An address in network byte order in memory. */
static DWORD address(int a, int b, int c, int d)
{
    unsigned char bytes[4];
    DWORD in_memory;
    bytes[0] = (unsigned char)a;
    bytes[1] = (unsigned char)b;
    bytes[2] = (unsigned char)c;
    bytes[3] = (unsigned char)d;
    memcpy(&in_memory, bytes, sizeof in_memory);
    return in_memory;
}

static SOURCE_GROUP_ENTRY raw_entry(DWORD source, DWORD source_mask, DWORD group, DWORD group_mask)
{
    SOURCE_GROUP_ENTRY entry;
    entry.dwSourceAddr = source;
    entry.dwSourceMask = source_mask;
    entry.dwGroupAddr = group;
    entry.dwGroupMask = group_mask;
    return entry;
}

/* (S,G); with the source 0 (*,G); with the group 0 as well (*,*). */
static SOURCE_GROUP_ENTRY entry_of(DWORD source, DWORD group)
{
    return raw_entry(source, source == 0 ? 0 : HOST, group, group == 0 ? 0 : HOST);
}

static DWORD some_source(void) { return address(10, 0, 0, 1); }
static DWORD some_group(void) { return address(232, 1, 1, 1); }
static SOURCE_GROUP_ENTRY some_join(void) { return entry_of(some_source(), some_group()); }
static SOURCE_GROUP_ENTRY wildcard(int n) { return entry_of(0, address(239, 0, n / 256, n % 256)); }

static HANDLE handle_of(uint64_t bits) { return (HANDLE)(uintptr_t)bits; }
static uint64_t bits_of(HANDLE handle) { return (uint64_t)(uintptr_t)handle; }

/* 0 and all ones are never issued. */
static void check_issued(HANDLE handle)
{
    CHECK(handle != NULL);
    CHECK(handle != (HANDLE)~(uintptr_t)0);
}

static HANDLE registered(DWORD protocol_id, DWORD component_id)
{
    HANDLE protocol = NULL;
    CHECK_EQ(MgmRegisterMProtocol(NULL, protocol_id, component_id, &protocol), NO_ERROR);
    check_issued(protocol);
    return protocol;
}

static void deregister(HANDLE protocol) { CHECK_EQ(MgmDeRegisterMProtocol(protocol), NO_ERROR); }

static HANDLE started(HANDLE protocol, MGM_ENUM_TYPES enum_type)
{
    HANDLE running = NULL;
    CHECK_EQ(MgmGroupEnumerationStart(protocol, enum_type, &running), NO_ERROR);
    check_issued(running);
    return running;
}

static void end(HANDLE running) { CHECK_EQ(MgmGroupEnumerationEnd(running), NO_ERROR); }

static DWORD add(HANDLE protocol, SOURCE_GROUP_ENTRY entry, DWORD interface_index, DWORD flags)
{
    return MgmAddGroupMembershipEntry(protocol, entry.dwSourceAddr, entry.dwSourceMask,
                                      entry.dwGroupAddr, entry.dwGroupMask, interface_index, 0, flags);
}

static DWORD delete_entry(HANDLE protocol, SOURCE_GROUP_ENTRY entry, DWORD interface_index,
                          DWORD flags)
{
    return MgmDeleteGroupMembershipEntry(protocol, entry.dwSourceAddr, entry.dwSourceMask,
                                         entry.dwGroupAddr, entry.dwGroupMask, interface_index, 0,
                                         flags);
}

static void join(HANDLE protocol, SOURCE_GROUP_ENTRY entry)
{
    CHECK_EQ(add(protocol, entry, LAN, JOIN), NO_ERROR);
}

static void leave(HANDLE protocol, SOURCE_GROUP_ENTRY entry)
{
    CHECK_EQ(delete_entry(protocol, entry, LAN, JOIN), NO_ERROR);
}

/* Registers PIM as the owner of the LAN. */
static HANDLE pim_on_lan(void)
{
    HANDLE pim = registered(PIM, 0);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    return pim;
}

static void leave_lan(HANDLE pim)
{
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    deregister(pim);
}

/* Checks that exactly these records remain, through a buffer for three. */
static void check_rest(HANDLE running, const SOURCE_GROUP_ENTRY *expected, DWORD count)
{
    for (;;) {
        BYTE buffer[50];
        DWORD bytes = sizeof buffer;
        DWORD entries = UNTOUCHED;
        DWORD code = MgmGroupEnumerationGetNext(running, &bytes, buffer, &entries);
        DWORD expected_entries = count < 3 ? count : 3;
        CHECK_EQ(code, count <= 3 ? ERROR_NO_MORE_ITEMS : ERROR_MORE_DATA);
        CHECK_EQ(entries, expected_entries);
        CHECK_EQ(bytes, sizeof buffer);
        if (expected_entries != 0)
            CHECK(memcmp(buffer, expected, expected_entries * ENTRY_BYTES) == 0);
        if (code == ERROR_NO_MORE_ITEMS)
            return;
        expected += 3;
        count -= 3;
    }
}

static void check_enumerated(HANDLE protocol, MGM_ENUM_TYPES enum_type,
                             const SOURCE_GROUP_ENTRY *expected, DWORD count)
{
    HANDLE running = started(protocol, enum_type);
    check_rest(running, expected, count);
    end(running);
}

static void check_groups(HANDLE protocol, const SOURCE_GROUP_ENTRY *expected, DWORD count)
{
    check_enumerated(protocol, ALL_SOURCES, expected, count);
}

static void check_no_groups(HANDLE protocol) { check_groups(protocol, NULL, 0); }

/* Checks all results of a GetNext with a buffer of 64 bytes. */
static void check_get_next(HANDLE running, DWORD size, int with_buffer, DWORD expected_code,
                           DWORD expected_size, DWORD expected_entries)
{
    BYTE buffer[64];
    DWORD bytes = size;
    DWORD entries = UNTOUCHED;
    DWORD code;
    CHECK(!with_buffer || size <= sizeof buffer);
    code = MgmGroupEnumerationGetNext(running, &bytes, with_buffer ? buffer : NULL, &entries);
    CHECK_EQ(code, expected_code);
    CHECK_EQ(bytes, expected_size);
    CHECK_EQ(entries, expected_entries);
}

static void clients_register_and_deregister_once(void)
{
    HANDLE pim = registered(PIM, 0), second, other, again;
    HANDLE refused = handle_of(UNTOUCHED);
    CHECK_EQ(MgmRegisterMProtocol(NULL, PIM, 0, &refused), ERROR_ALREADY_EXISTS);
    CHECK(refused == handle_of(UNTOUCHED));
    second = registered(PIM, 1);
    other = registered(PIM + 1, 0);
    CHECK(pim != second && second != other && pim != other);
    deregister(pim);
    CHECK_EQ(MgmDeRegisterMProtocol(pim), ERROR_INVALID_PARAMETER);
    again = registered(PIM, 0);
    CHECK(again != pim);
    deregister(again);
    deregister(second);
    deregister(other);
}

static void never_called(void)
{
    fprintf(stderr, "a callback was called\n");
    _exit(1);
}

static void configurations_are_copied_and_never_called(void)
{
    ROUTING_PROTOCOL_CONFIG config;
    HANDLE pim = NULL;
    SOURCE_GROUP_ENTRY entry = some_join();
    config.dwCallbackFlags = 0;
    config.pfnRpfCallback = (PMGM_RPF_CALLBACK)never_called;
    config.pfnCreationAlertCallback = (PMGM_CREATION_ALERT_CALLBACK)never_called;
    config.pfnPruneAlertCallback = (PMGM_PRUNE_ALERT_CALLBACK)never_called;
    config.pfnJoinAlertCallback = (PMGM_JOIN_ALERT_CALLBACK)never_called;
    config.pfnWrongIfCallback = (PMGM_WRONG_IF_CALLBACK)never_called;
    config.pfnLocalJoinCallback = (PMGM_LOCAL_JOIN_CALLBACK)never_called;
    config.pfnLocalLeaveCallback = (PMGM_LOCAL_LEAVE_CALLBACK)never_called;
    config.pfnDisableIgmpCallback = (PMGM_DISABLE_IGMP_CALLBACK)never_called;
    config.pfnEnableIgmpCallback = (PMGM_ENABLE_IGMP_CALLBACK)never_called;
    CHECK_EQ(MgmRegisterMProtocol(&config, PIM, 0, &pim), NO_ERROR);
    check_issued(pim);
    memset(&config, 0xff, sizeof config);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    CHECK_EQ(add(pim, entry, LAN, JOIN | FORWARD), NO_ERROR);
    check_groups(pim, &entry, 1);
    CHECK_EQ(delete_entry(pim, entry, LAN, JOIN | FORWARD), NO_ERROR);
    /* All callbacks may be null. */
    leave_lan(pim);
    memset(&config, 0, sizeof config);
    CHECK_EQ(MgmRegisterMProtocol(&config, PIM, 0, &pim), NO_ERROR);
    deregister(pim);
}

static void check_owner(DWORD interface_index, DWORD next_hop, DWORD protocol_id, DWORD component_id)
{
    DWORD protocol = UNTOUCHED, component = UNTOUCHED;
    CHECK_EQ(MgmGetProtocolOnInterface(interface_index, next_hop, &protocol, &component), NO_ERROR);
    CHECK_EQ(protocol, protocol_id);
    CHECK_EQ(component, component_id);
}

static void check_no_owner(DWORD interface_index, DWORD next_hop)
{
    DWORD protocol = UNTOUCHED, component = UNTOUCHED;
    CHECK_EQ(MgmGetProtocolOnInterface(interface_index, next_hop, &protocol, &component),
             ERROR_NOT_FOUND);
    CHECK_EQ(protocol, UNTOUCHED);
    CHECK_EQ(component, UNTOUCHED);
}

static void an_interface_has_one_owner(void)
{
    HANDLE pim = registered(PIM, 0), other = registered(PIM, 7);
    DWORD neighbour = address(192, 0, 2, 9);
    check_no_owner(LAN, 0);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    /* It already owns it. */
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    CHECK_EQ(MgmTakeInterfaceOwnership(other, LAN, 0), ERROR_ALREADY_EXISTS);
    check_owner(LAN, 0, PIM, 0);
    /* The next hop counts. */
    check_no_owner(LAN, neighbour);
    CHECK_EQ(MgmTakeInterfaceOwnership(other, LAN, neighbour), NO_ERROR);
    check_owner(LAN, neighbour, PIM, 7);
    check_owner(LAN, 0, PIM, 0);
    CHECK_EQ(MgmReleaseInterfaceOwnership(other, LAN, 0), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, NOWHERE, 0), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, LAN, 0), ERROR_INVALID_PARAMETER);
    check_no_owner(LAN, 0);
    CHECK_EQ(MgmTakeInterfaceOwnership(other, LAN, 0), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(other, LAN, 0), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(other, LAN, neighbour), NO_ERROR);
    deregister(pim);
    deregister(other);
}

static void an_owner_of_interfaces_cannot_deregister(void)
{
    HANDLE pim = pim_on_lan(), running;
    SOURCE_GROUP_ENTRY entry = some_join();
    join(pim, entry);
    running = started(pim, ALL_SOURCES);
    CHECK_EQ(MgmDeRegisterMProtocol(pim), ERROR_CAN_NOT_COMPLETE);
    /* Nothing has changed. */
    check_owner(LAN, 0, PIM, 0);
    check_rest(running, &entry, 1);
    check_groups(pim, &entry, 1);
    end(running);
    leave_lan(pim);
}

static void addresses_and_masks_are_checked(void)
{
    HANDLE pim = pim_on_lan();
    DWORD source = some_source(), group = some_group(), half = address(255, 255, 0, 0), n;
    SOURCE_GROUP_ENTRY invalid[14], valid[4];
    invalid[0] = raw_entry(source, 0, group, HOST);
    invalid[1] = raw_entry(source, half, group, HOST);
    invalid[2] = raw_entry(0, half, group, HOST);
    invalid[3] = raw_entry(source, HOST, group, 0);
    invalid[4] = raw_entry(source, HOST, group, half);
    invalid[5] = raw_entry(0, 0, group, 0);
    invalid[6] = raw_entry(0, 0, 0, half);
    invalid[7] = raw_entry(source, HOST, 0, 0);
    invalid[8] = entry_of(source, address(223, 255, 255, 255));
    invalid[9] = entry_of(source, address(240, 0, 0, 0));
    invalid[10] = entry_of(0, source);
    invalid[11] = entry_of(0, HOST);
    /* These two would be groups if they were compared in the wrong byte order. */
    invalid[12] = entry_of(0, address(1, 0, 0, 224));
    invalid[13] = entry_of(0, address(0, 0, 0, 239));
    for (n = 0; n < COUNT(invalid); n++) {
        CHECK_EQ(add(pim, invalid[n], LAN, JOIN), ERROR_INVALID_PARAMETER);
        CHECK_EQ(delete_entry(pim, invalid[n], LAN, JOIN), ERROR_INVALID_PARAMETER);
    }
    check_no_groups(pim);
    valid[0] = entry_of(0, 0);
    valid[1] = entry_of(source, address(224, 0, 0, 0));
    valid[2] = entry_of(0, group);
    valid[3] = entry_of(source, address(239, 255, 255, 255));
    for (n = 0; n < COUNT(valid); n++)
        join(pim, valid[n]);
    /* Any, with either mask. */
    join(pim, raw_entry(0, HOST, group, HOST));
    check_groups(pim, valid, COUNT(valid));
    leave_lan(pim);
}

static void flags_are_checked(void)
{
    static const DWORD invalid[] = {0, 4, 5, 8, 0x100, 0x101, 0x80000000u, 0xffffffffu};
    HANDLE pim = pim_on_lan();
    DWORD n;
    for (n = 0; n < COUNT(invalid); n++) {
        CHECK_EQ(add(pim, some_join(), LAN, invalid[n]), ERROR_INVALID_PARAMETER);
        CHECK_EQ(delete_entry(pim, some_join(), LAN, invalid[n]), ERROR_INVALID_PARAMETER);
    }
    check_no_groups(pim);
    leave_lan(pim);
}

static void memberships_are_for_owners_and_igmp(void)
{
    HANDLE pim = pim_on_lan(), other = registered(PIM, 7);
    HANDLE igmp = registered(IGMP, 0), vendor_igmp = registered(VENDOR_IGMP, 0);
    SOURCE_GROUP_ENTRY expected[4];
    expected[0] = entry_of(0, some_group());
    expected[1] = some_join();
    expected[2] = wildcard(3);
    expected[3] = wildcard(4);
    /* An interface of another client, and one without an owner. */
    CHECK_EQ(add(other, some_join(), LAN, JOIN), ERROR_INVALID_PARAMETER);
    CHECK_EQ(add(pim, some_join(), NOWHERE, JOIN), ERROR_INVALID_PARAMETER);
    check_no_groups(pim);
    join(pim, some_join());
    /* It already exists. */
    join(pim, some_join());
    join(igmp, expected[0]);
    CHECK_EQ(add(igmp, expected[2], NOWHERE, JOIN), NO_ERROR);
    CHECK_EQ(add(vendor_igmp, expected[3], NOWHERE, JOIN), NO_ERROR);
    check_groups(other, expected, COUNT(expected));
    deregister(igmp);
    deregister(vendor_igmp);
    deregister(other);
    leave_lan(pim);
}

static void a_delete_touches_the_callers_own(void)
{
    HANDLE pim = pim_on_lan(), other = registered(PIM, 7), igmp = registered(IGMP, 0);
    SOURCE_GROUP_ENTRY entry = some_join();
    CHECK_EQ(delete_entry(pim, entry, NOWHERE, JOIN), ERROR_NOT_FOUND);
    CHECK_EQ(delete_entry(other, entry, NOWHERE, JOIN), ERROR_NOT_FOUND);
    CHECK_EQ(delete_entry(igmp, entry, NOWHERE, JOIN), ERROR_NOT_FOUND);
    CHECK_EQ(delete_entry(other, entry, LAN, JOIN), ERROR_INVALID_PARAMETER);
    /* It is enough that the interface exists. */
    leave(pim, entry);
    leave(igmp, entry);
    join(pim, entry);
    join(igmp, entry);
    leave(igmp, entry);
    check_groups(pim, &entry, 1);
    leave(pim, entry);
    check_no_groups(pim);
    /* An interface without an owner exists while it has memberships. */
    CHECK_EQ(add(igmp, entry, NOWHERE, FORWARD), NO_ERROR);
    CHECK_EQ(delete_entry(pim, entry, NOWHERE, JOIN), NO_ERROR);
    CHECK_EQ(delete_entry(igmp, entry, NOWHERE, FORWARD), NO_ERROR);
    CHECK_EQ(delete_entry(igmp, entry, NOWHERE, FORWARD), ERROR_NOT_FOUND);
    deregister(igmp);
    deregister(other);
    leave_lan(pim);
}

static void joins_are_enumerated_and_forwarding_state_is_not(void)
{
    HANDLE pim = pim_on_lan();
    SOURCE_GROUP_ENTRY entry = some_join();
    CHECK_EQ(add(pim, entry, LAN, FORWARD), NO_ERROR);
    check_no_groups(pim);
    join(pim, entry);
    check_groups(pim, &entry, 1);
    CHECK_EQ(delete_entry(pim, entry, LAN, FORWARD), NO_ERROR);
    check_groups(pim, &entry, 1);
    CHECK_EQ(add(pim, entry, LAN, JOIN | FORWARD), NO_ERROR);
    leave(pim, entry);
    check_no_groups(pim);
    join(pim, entry);
    CHECK_EQ(delete_entry(pim, entry, LAN, JOIN | FORWARD), NO_ERROR);
    check_no_groups(pim);
    leave_lan(pim);
}

static void a_release_removes_the_owners_memberships(void)
{
    HANDLE pim = pim_on_lan(), igmp = registered(IGMP, 0);
    DWORD next_hop = address(192, 0, 2, 1), wan = 3;
    SOURCE_GROUP_ENTRY on_both = wildcard(1), on_lan = wildcard(2), by_igmp = wildcard(3), left[2];
    left[0] = on_both;
    left[1] = by_igmp;
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, wan, next_hop), NO_ERROR);
    join(pim, on_both);
    join(pim, on_lan);
    CHECK_EQ(MgmAddGroupMembershipEntry(pim, 0, 0, on_both.dwGroupAddr, HOST, wan, next_hop, JOIN),
             NO_ERROR);
    join(igmp, by_igmp);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, LAN, 0), NO_ERROR);
    check_groups(pim, left, 2);
    CHECK_EQ(add(pim, on_lan, LAN, JOIN), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, wan, next_hop), NO_ERROR);
    check_groups(pim, &by_igmp, 1);
    /* IGMP may also own an interface. */
    CHECK_EQ(MgmTakeInterfaceOwnership(igmp, LAN, 0), NO_ERROR);
    CHECK_EQ(MgmDeRegisterMProtocol(igmp), ERROR_CAN_NOT_COMPLETE);
    CHECK_EQ(MgmReleaseInterfaceOwnership(igmp, LAN, 0), NO_ERROR);
    check_no_groups(pim);
    deregister(igmp);
    deregister(pim);
}

static void a_client_takes_its_memberships_and_enumerations_along(void)
{
    HANDLE pim = pim_on_lan(), igmp = registered(IGMP, 0), own[3], others;
    HANDLE refused = handle_of(UNTOUCHED);
    SOURCE_GROUP_ENTRY both[2];
    DWORD n;
    both[0] = wildcard(1);
    both[1] = wildcard(2);
    join(pim, both[0]);
    join(igmp, both[0]);
    for (n = 7; n <= 9; n++)
        CHECK_EQ(add(igmp, both[1], n, JOIN), NO_ERROR);
    for (n = 0; n < COUNT(own); n++)
        own[n] = started(igmp, ALL_SOURCES);
    others = started(pim, ALL_SOURCES);
    deregister(igmp);
    for (n = 0; n < COUNT(own); n++) {
        check_get_next(own[n], 64, 1, ERROR_INVALID_PARAMETER, 64, 0);
        CHECK_EQ(MgmGroupEnumerationEnd(own[n]), ERROR_INVALID_PARAMETER);
    }
    CHECK_EQ(MgmGroupEnumerationStart(igmp, ALL_SOURCES, &refused), ERROR_INVALID_PARAMETER);
    CHECK(refused == handle_of(UNTOUCHED));
    /* It has the version of its start. */
    check_rest(others, both, 2);
    check_groups(pim, both, 1);
    CHECK_EQ(delete_entry(pim, both[1], 8, JOIN), ERROR_NOT_FOUND);
    leave_lan(pim);
    CHECK_EQ(MgmGroupEnumerationEnd(others), ERROR_INVALID_PARAMETER);
}

#define SOME_JOINS 9

/* Joins in order. As little-endian numbers they are in another order. */
static void some_joins(SOURCE_GROUP_ENTRY joins[SOME_JOINS])
{
    DWORD source = some_source(), near_one = address(10, 0, 0, 9), far_one = address(192, 168, 0, 1);
    joins[0] = entry_of(0, 0);
    joins[1] = entry_of(0, address(224, 0, 0, 251));
    joins[2] = entry_of(source, address(225, 0, 0, 1));
    joins[3] = entry_of(near_one, address(225, 0, 0, 1));
    joins[4] = entry_of(0, address(232, 0, 1, 0));
    joins[5] = entry_of(source, address(232, 0, 1, 0));
    joins[6] = entry_of(far_one, address(232, 0, 1, 0));
    joins[7] = entry_of(near_one, address(239, 1, 0, 0));
    joins[8] = entry_of(far_one, address(239, 1, 0, 0));
}

/* Joins that are added out of order. */
static HANDLE pim_with_joins(SOURCE_GROUP_ENTRY joins[SOME_JOINS])
{
    HANDLE pim = pim_on_lan();
    int n;
    some_joins(joins);
    for (n = 0; n < SOME_JOINS; n++)
        join(pim, joins[n * 5 % SOME_JOINS]);
    return pim;
}

static void all_sources_come_in_order(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS];
    HANDLE pim = pim_with_joins(joins);
    check_groups(pim, joins, SOME_JOINS);
    leave_lan(pim);
}

/* A function, so that no compiler warns of numbers that are not in the enum. */
static MGM_ENUM_TYPES enum_type_of(DWORD number) { return (MGM_ENUM_TYPES)number; }

static void any_source_is_the_lowest_of_each_group(void)
{
    static const DWORD invalid[] = {2, 3, 0x100, 0xffffffffu};
    SOURCE_GROUP_ENTRY joins[SOME_JOINS], lowest[3];
    HANDLE pim = pim_with_joins(joins), refused = handle_of(UNTOUCHED);
    DWORD n;
    lowest[0] = joins[2];
    lowest[1] = joins[5];
    lowest[2] = joins[7];
    check_enumerated(pim, ANY_SOURCE, lowest, 3);
    for (n = 0; n < COUNT(invalid); n++) {
        CHECK_EQ(MgmGroupEnumerationStart(pim, enum_type_of(invalid[n]), &refused),
                 ERROR_INVALID_PARAMETER);
        CHECK(refused == handle_of(UNTOUCHED));
    }
    leave_lan(pim);
}

static void addresses_are_in_network_byte_order(void)
{
    static const unsigned char expected[ENTRY_BYTES] = {10,  0, 0, 1, 255, 255, 255, 255,
                                                        232, 1, 2, 3, 255, 255, 255, 255};
    HANDLE pim = pim_on_lan(), running;
    BYTE buffer[ENTRY_BYTES];
    DWORD bytes = sizeof buffer, entries = 0;
    join(pim, entry_of(address(10, 0, 0, 1), address(232, 1, 2, 3)));
    running = started(pim, ALL_SOURCES);
    CHECK_EQ(MgmGroupEnumerationGetNext(running, &bytes, buffer, &entries), ERROR_NO_MORE_ITEMS);
    CHECK_EQ(entries, 1);
    CHECK(memcmp(buffer, expected, sizeof expected) == 0);
    end(running);
    leave_lan(pim);
}

static void an_enumeration_is_of_one_point_in_time(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS], only = entry_of(0, some_group());
    HANDLE pim = pim_with_joins(joins), running = started(pim, ALL_SOURCES), later;
    DWORD n;
    check_get_next(running, 32, 1, ERROR_MORE_DATA, 32, 2);
    for (n = 0; n < SOME_JOINS; n++)
        leave(pim, joins[n]);
    join(pim, only);
    later = started(pim, ALL_SOURCES);
    check_rest(running, joins + 2, SOME_JOINS - 2);
    check_rest(later, &only, 1);
    end(running);
    end(later);
    leave_lan(pim);
}

/* With one size and one offset of the buffer. */
static void check_buffer(HANDLE pim, const SOURCE_GROUP_ENTRY *joins, DWORD bytes, DWORD offset)
{
    BYTE memory[3 + (SOME_JOINS + 2) * ENTRY_BYTES + 40];
    HANDLE running = started(pim, ALL_SOURCES);
    DWORD fitting = bytes / ENTRY_BYTES, given = fitting < SOME_JOINS ? fitting : SOME_JOINS;
    DWORD size = bytes, entries = UNTOUCHED, n;
    DWORD code, expected_code;
    memset(memory, CANARY, sizeof memory);
    code = MgmGroupEnumerationGetNext(running, &size, memory + offset, &entries);
    expected_code = given == SOME_JOINS ? ERROR_NO_MORE_ITEMS : ERROR_MORE_DATA;
    CHECK_EQ(code, given == 0 ? ERROR_INSUFFICIENT_BUFFER : expected_code);
    CHECK_EQ(size, given == 0 ? ENTRY_BYTES : bytes);
    CHECK_EQ(entries, given);
    CHECK(memcmp(memory + offset, joins, given * ENTRY_BYTES) == 0);
    for (n = 0; n < sizeof memory; n++) {
        if (n < offset || n >= offset + fitting * ENTRY_BYTES)
            CHECK_EQ(memory[n], CANARY);
    }
    check_rest(running, joins + given, SOME_JOINS - given);
    end(running);
}

static void every_size_and_alignment_of_buffer(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS];
    HANDLE pim = pim_with_joins(joins);
    DWORD bytes, offset;
    for (bytes = 0; bytes <= (SOME_JOINS + 2) * ENTRY_BYTES; bytes++) {
        for (offset = 0; offset <= 3; offset++)
            check_buffer(pim, joins, bytes, offset);
    }
    leave_lan(pim);
}

/* The size and the count may be at odd addresses, as in a packed message. */
static void every_alignment_of_size_and_count(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS];
    HANDLE pim = pim_with_joins(joins);
    DWORD offset;
    for (offset = 0; offset <= 3; offset++) {
        HANDLE running = started(pim, ALL_SOURCES);
        BYTE size_bytes[12], count_bytes[12], buffer[32];
        DWORD size = 5, count = UNTOUCHED;
        DWORD *size_at = (DWORD *)(void *)(size_bytes + offset);
        DWORD *count_at = (DWORD *)(void *)(count_bytes + offset);
        memset(size_bytes, CANARY, sizeof size_bytes);
        memset(count_bytes, CANARY, sizeof count_bytes);
        memcpy(size_bytes + offset, &size, sizeof size);
        memcpy(count_bytes + offset, &count, sizeof count);
        CHECK_EQ(MgmGroupEnumerationGetNext(running, size_at, buffer, count_at),
                 ERROR_INSUFFICIENT_BUFFER);
        memcpy(&size, size_bytes + offset, sizeof size);
        memcpy(&count, count_bytes + offset, sizeof count);
        CHECK_EQ(size, ENTRY_BYTES);
        CHECK_EQ(count, 0);
        size = sizeof buffer;
        memcpy(size_bytes + offset, &size, sizeof size);
        CHECK_EQ(MgmGroupEnumerationGetNext(running, size_at, buffer, count_at), ERROR_MORE_DATA);
        memcpy(&size, size_bytes + offset, sizeof size);
        memcpy(&count, count_bytes + offset, sizeof count);
        CHECK_EQ(size, sizeof buffer);
        CHECK_EQ(count, 2);
        CHECK(memcmp(buffer, joins, sizeof buffer) == 0);
        for (size = 0; size < sizeof size_bytes; size++) {
            if (size < offset || size >= offset + 4) {
                CHECK_EQ(size_bytes[size], CANARY);
                CHECK_EQ(count_bytes[size], CANARY);
            }
        }
        end(running);
    }
    leave_lan(pim);
}

static void the_documented_dialogue(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS], read[SOME_JOINS];
    HANDLE pim = pim_with_joins(joins), running = started(pim, ALL_SOURCES);
    DWORD count = 0, size = 0, code;
    BYTE *buffer = NULL;
    do {
        DWORD entries = UNTOUCHED;
        code = MgmGroupEnumerationGetNext(running, &size, buffer, &entries);
        if (code == ERROR_INSUFFICIENT_BUFFER) {
            CHECK(buffer == NULL);
            CHECK_EQ(size, ENTRY_BYTES);
            CHECK_EQ(entries, 0);
            buffer = (BYTE *)malloc(size);
            CHECK(buffer != NULL);
        } else {
            CHECK(code == ERROR_MORE_DATA || code == ERROR_NO_MORE_ITEMS);
            CHECK(count + entries <= SOME_JOINS);
            memcpy(read + count, buffer, entries * ENTRY_BYTES);
            count += entries;
        }
    } while (code != ERROR_NO_MORE_ITEMS);
    CHECK_EQ(count, SOME_JOINS);
    CHECK(memcmp(read, joins, sizeof joins) == 0);
    free(buffer);
    end(running);
    leave_lan(pim);
}

static void get_next_checks_in_order(void)
{
    SOURCE_GROUP_ENTRY joins[SOME_JOINS];
    HANDLE pim = pim_with_joins(joins), running = started(pim, ALL_SOURCES);
    HANDLE ended = started(pim, ALL_SOURCES);
    BYTE buffer[64];
    DWORD size, count;
    end(ended);
    /* A null count or size is checked before the handle and the end. */
    size = 5;
    CHECK_EQ(MgmGroupEnumerationGetNext(running, &size, buffer, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationGetNext(ended, &size, buffer, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationGetNext(running, &size, NULL, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(size, 5);
    CHECK_EQ(MgmGroupEnumerationGetNext(running, NULL, buffer, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationGetNext(NULL, NULL, NULL, NULL), ERROR_INVALID_PARAMETER);
    count = UNTOUCHED;
    CHECK_EQ(MgmGroupEnumerationGetNext(running, NULL, buffer, &count), ERROR_INVALID_PARAMETER);
    CHECK_EQ(count, 0);
    count = UNTOUCHED;
    CHECK_EQ(MgmGroupEnumerationGetNext(ended, NULL, NULL, &count), ERROR_INVALID_PARAMETER);
    CHECK_EQ(count, 0);
    /* The handle is checked before the buffer. */
    for (size = 0; size <= 48; size++) {
        check_get_next(ended, size, 1, ERROR_INVALID_PARAMETER, size, 0);
        check_get_next(ended, size, 0, ERROR_INVALID_PARAMETER, size, 0);
        check_get_next(NULL, size, 1, ERROR_INVALID_PARAMETER, size, 0);
    }
    /* A buffer that is too small may be null, to ask for the size. */
    for (size = 0; size < ENTRY_BYTES; size++) {
        check_get_next(running, size, 0, ERROR_INSUFFICIENT_BUFFER, ENTRY_BYTES, 0);
        check_get_next(running, size, 1, ERROR_INSUFFICIENT_BUFFER, ENTRY_BYTES, 0);
    }
    check_get_next(running, 16, 0, ERROR_INVALID_PARAMETER, 16, 0);
    check_get_next(running, 160, 0, ERROR_INVALID_PARAMETER, 160, 0);
    check_get_next(running, HOST, 0, ERROR_INVALID_PARAMETER, HOST, 0);
    /* None of these calls has moved the enumeration. */
    check_rest(running, joins, SOME_JOINS);
    /* The end is checked before the buffer, and after the pointers to the size and the count. */
    for (size = 0; size <= 48; size++) {
        check_get_next(running, size, 0, ERROR_NO_MORE_ITEMS, size, 0);
        check_get_next(running, size, 1, ERROR_NO_MORE_ITEMS, size, 0);
    }
    check_get_next(running, HOST, 0, ERROR_NO_MORE_ITEMS, HOST, 0);
    size = 64;
    CHECK_EQ(MgmGroupEnumerationGetNext(running, &size, buffer, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationGetNext(running, NULL, buffer, &count), ERROR_INVALID_PARAMETER);
    CHECK_EQ(size, 64);
    end(running);
    leave_lan(pim);
}

static void the_end_is_the_end(void)
{
    HANDLE pim = pim_on_lan(), at_end[3];
    SOURCE_GROUP_ENTRY entry = entry_of(0, some_group());
    DWORD n, turn;
    at_end[0] = started(pim, ANY_SOURCE);
    join(pim, entry);
    at_end[1] = started(pim, ANY_SOURCE);
    at_end[2] = started(pim, ALL_SOURCES);
    check_get_next(at_end[2], 16, 1, ERROR_NO_MORE_ITEMS, 16, 1);
    join(pim, some_join());
    for (n = 0; n < COUNT(at_end); n++) {
        for (turn = 0; turn < 20; turn++)
            check_get_next(at_end[n], turn * 3, 1, ERROR_NO_MORE_ITEMS, turn * 3, 0);
        end(at_end[n]);
    }
    leave_lan(pim);
}

static void results_must_have_a_place(void)
{
    HANDLE pim;
    DWORD id = UNTOUCHED;
    CHECK_EQ(MgmRegisterMProtocol(NULL, PIM, 0, NULL), ERROR_INVALID_PARAMETER);
    /* The failed call has not registered it. */
    pim = pim_on_lan();
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationStart(NULL, ALL_SOURCES, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGetProtocolOnInterface(LAN, 0, NULL, &id), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGetProtocolOnInterface(LAN, 0, &id, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGetProtocolOnInterface(LAN, 0, NULL, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGetProtocolOnInterface(NOWHERE, 0, NULL, NULL), ERROR_INVALID_PARAMETER);
    CHECK_EQ(id, UNTOUCHED);
    leave_lan(pim);
}

static void check_no_protocol(HANDLE handle)
{
    HANDLE refused = handle_of(UNTOUCHED);
    CHECK_EQ(MgmTakeInterfaceOwnership(handle, 5, 0), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmReleaseInterfaceOwnership(handle, LAN, 0), ERROR_INVALID_PARAMETER);
    CHECK_EQ(add(handle, some_join(), LAN, JOIN), ERROR_INVALID_PARAMETER);
    CHECK_EQ(delete_entry(handle, some_join(), LAN, JOIN), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationStart(handle, ALL_SOURCES, &refused), ERROR_INVALID_PARAMETER);
    CHECK(refused == handle_of(UNTOUCHED));
    CHECK_EQ(MgmDeRegisterMProtocol(handle), ERROR_INVALID_PARAMETER);
}

static void check_no_enumeration(HANDLE handle)
{
    check_get_next(handle, 64, 1, ERROR_INVALID_PARAMETER, 64, 0);
    check_get_next(handle, 0, 0, ERROR_INVALID_PARAMETER, 0, 0);
    CHECK_EQ(MgmGroupEnumerationEnd(handle), ERROR_INVALID_PARAMETER);
}

/* Skips the two live handles, which a forged one may equal by chance. */
static void check_forged(uint64_t bits, HANDLE pim, HANDLE running)
{
    if (handle_of(bits) != pim)
        check_no_protocol(handle_of(bits));
    if (handle_of(bits) != running)
        check_no_enumeration(handle_of(bits));
}

static void invalid_handles_are_refused(void)
{
    HANDLE pim = pim_on_lan(), gone = registered(PIM, 1);
    HANDLE running = started(pim, ALL_SOURCES), ended = started(pim, ALL_SOURCES);
    uint64_t bases[4];
    int base, bit, near_by;
    deregister(gone);
    end(ended);
    check_forged(0, pim, running);
    check_forged(~(uint64_t)0, pim, running);
    bases[0] = bits_of(pim);
    bases[1] = bits_of(running);
    bases[2] = bits_of(gone);
    bases[3] = bits_of(ended);
    for (base = 0; base < 4; base++) {
        check_forged(bases[base], pim, running);
        check_forged(~bases[base], pim, running);
        for (bit = 0; bit < (int)sizeof(HANDLE) * 8; bit++)
            check_forged(bases[base] ^ (uint64_t)1 << bit, pim, running);
        for (near_by = 1; near_by <= 64; near_by++) {
            check_forged(bases[base] + (uint64_t)near_by, pim, running);
            check_forged(bases[base] - (uint64_t)near_by, pim, running);
        }
    }
    check_rest(running, NULL, 0);
    end(running);
    leave_lan(pim);
}

static void random_handles_are_never_taken(void)
{
    HANDLE pim = pim_on_lan(), running = started(pim, ALL_SOURCES);
    uint64_t state = (uint64_t)0x9e3779b9u << 32 | 0x7f4a7c15u;
    long turn, turns = quick ? 2000 : 300000;
    for (turn = 0; turn < turns; turn++) {
        uint64_t bits;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        /* Every second one has the low 18 bits of a live handle, which are its index and kind. */
        bits = state;
        if (turn % 4 == 1)
            bits = (state & ~(uint64_t)0x3ffff) | (bits_of(running) & 0x3ffff);
        if (turn % 4 == 3)
            bits = (state & ~(uint64_t)0x3ffff) | (bits_of(pim) & 0x3ffff);
        check_forged(bits, pim, running);
    }
    check_rest(running, NULL, 0);
    end(running);
    leave_lan(pim);
}

static void stale_handles_stay_stale(void)
{
    HANDLE pim = pim_on_lan(), first = started(pim, ALL_SOURCES), last = first;
    HANDLE first_client = registered(PIM, 1), last_client = first_client;
    int turn, turns = quick ? 300 : 20000;
    end(first);
    deregister(first_client);
    for (turn = 0; turn < turns; turn++) {
        HANDLE running = started(pim, ALL_SOURCES), client = registered(PIM, 1);
        CHECK(running != last && running != first && client != last_client);
        CHECK_EQ(MgmGroupEnumerationEnd(first), ERROR_INVALID_PARAMETER);
        CHECK_EQ(MgmGroupEnumerationEnd(last), ERROR_INVALID_PARAMETER);
        CHECK_EQ(MgmDeRegisterMProtocol(first_client), ERROR_INVALID_PARAMETER);
        CHECK_EQ(MgmDeRegisterMProtocol(last_client), ERROR_INVALID_PARAMETER);
        end(running);
        deregister(client);
        last = running;
        last_client = client;
    }
    leave_lan(pim);
}

static void protocols_have_a_limit(void)
{
    static HANDLE clients[PROTOCOLS_MOST];
    HANDLE refused = handle_of(UNTOUCHED);
    DWORD n;
    for (n = 0; n < PROTOCOLS_MOST; n++)
        clients[n] = registered(PIM, n);
    CHECK_EQ(MgmRegisterMProtocol(NULL, PIM, PROTOCOLS_MOST, &refused), ERROR_NOT_ENOUGH_MEMORY);
    CHECK(refused == handle_of(UNTOUCHED));
    /* As many as were ended can be started again. */
    deregister(clients[100]);
    clients[100] = registered(PIM, PROTOCOLS_MOST);
    CHECK_EQ(MgmRegisterMProtocol(NULL, PIM, 100, &refused), ERROR_NOT_ENOUGH_MEMORY);
    for (n = 0; n < PROTOCOLS_MOST; n++)
        deregister(clients[n]);
}

static void enumerations_have_a_limit(void)
{
    static HANDLE running[ENUMERATIONS_MOST];
    HANDLE pim = pim_on_lan(), refused = handle_of(UNTOUCHED);
    SOURCE_GROUP_ENTRY entry = some_join();
    DWORD n;
    join(pim, entry);
    for (n = 0; n < ENUMERATIONS_MOST; n++)
        running[n] = started(pim, ALL_SOURCES);
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), ERROR_NOT_ENOUGH_MEMORY);
    CHECK(refused == handle_of(UNTOUCHED));
    end(running[500]);
    running[500] = started(pim, ALL_SOURCES);
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), ERROR_NOT_ENOUGH_MEMORY);
    for (n = 0; n < ENUMERATIONS_MOST; n++) {
        check_rest(running[n], &entry, 1);
        end(running[n]);
    }
    /* Deregistering a client ends all of them. */
    for (n = 0; n < ENUMERATIONS_MOST; n++)
        running[n] = started(pim, ALL_SOURCES);
    leave_lan(pim);
    pim = pim_on_lan();
    for (n = 0; n < ENUMERATIONS_MOST; n++)
        CHECK_EQ(MgmGroupEnumerationEnd(running[n]), ERROR_INVALID_PARAMETER);
    end(started(pim, ALL_SOURCES));
    leave_lan(pim);
}

static void owned_interfaces_have_a_limit(void)
{
    HANDLE pim = registered(PIM, 0);
    DWORD n;
    for (n = 0; n < OWNED_INTERFACES_MOST; n++)
        CHECK_EQ(MgmTakeInterfaceOwnership(pim, n, 0), NO_ERROR);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, n, 0), ERROR_NOT_ENOUGH_MEMORY);
    check_no_owner(n, 0);
    /* Taking what it owns still succeeds. */
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, 0, 0), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, 100, 0), NO_ERROR);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, n, 0), NO_ERROR);
    for (n = 0; n <= OWNED_INTERFACES_MOST; n++) {
        if (n != 100)
            CHECK_EQ(MgmReleaseInterfaceOwnership(pim, n, 0), NO_ERROR);
    }
    deregister(pim);
}

#define THREADS 4
#define MANY 4000

/* Any-source joins of 239.0.0.0 and following, which the threads read. */
static SOURCE_GROUP_ENTRY many[MANY];

static HANDLE pim_with_many(DWORD count)
{
    HANDLE pim = pim_on_lan();
    DWORD n;
    for (n = 0; n < count; n++) {
        many[n] = wildcard((int)n);
        join(pim, many[n]);
    }
    return pim;
}

/* The index of a record in `many`. */
static DWORD place_of(const SOURCE_GROUP_ENTRY *entry)
{
    unsigned char bytes[4];
    DWORD place;
    memcpy(bytes, &entry->dwGroupAddr, sizeof bytes);
    CHECK_EQ(bytes[0], 239);
    CHECK_EQ(bytes[1], 0);
    place = (DWORD)bytes[2] * 256 + bytes[3];
    CHECK(place < MANY);
    CHECK(memcmp(entry, &many[place], sizeof *entry) == 0);
    return place;
}

/* The input and output of a thread. */
typedef struct Worker {
    pthread_t thread;
    pthread_barrier_t *barrier;
    HANDLE handle;
    DWORD buffer_entries;
    DWORD code;
    BYTE seen[MANY];
} Worker;

static Worker workers[THREADS];

static void start_workers(void *(*work)(void *), int count, pthread_barrier_t *barrier, HANDLE handle)
{
    int n;
    for (n = 0; n < count; n++) {
        Worker *worker = &workers[n];
        memset(worker, 0, sizeof *worker);
        worker->barrier = barrier;
        worker->handle = handle;
        worker->buffer_entries = (DWORD)n * 3 + 1;
        CHECK_EQ(pthread_create(&worker->thread, NULL, work, worker), 0);
    }
}

static void join_workers(int count)
{
    int n;
    for (n = 0; n < count; n++)
        CHECK_EQ(pthread_join(workers[n].thread, NULL), 0);
}

/* One GetNext, whose batch is a run of `many`. Returns the code. */
static DWORD read_batch(Worker *worker)
{
    SOURCE_GROUP_ENTRY buffer[THREADS * 3];
    DWORD size = worker->buffer_entries * ENTRY_BYTES, entries = UNTOUCHED, n, first = 0;
    DWORD code = MgmGroupEnumerationGetNext(worker->handle, &size, (BYTE *)buffer, &entries);
    CHECK_EQ(size, worker->buffer_entries * ENTRY_BYTES);
    if (code == ERROR_INVALID_PARAMETER) {
        CHECK_EQ(entries, 0);
        return code;
    }
    CHECK(code == ERROR_MORE_DATA || code == ERROR_NO_MORE_ITEMS);
    CHECK(entries <= worker->buffer_entries);
    if (code == ERROR_MORE_DATA)
        CHECK_EQ(entries, worker->buffer_entries);
    for (n = 0; n < entries; n++) {
        DWORD place = place_of(&buffer[n]);
        if (n == 0)
            first = place;
        CHECK_EQ(place, first + n);
        CHECK_EQ(worker->seen[place], 0);
        worker->seen[place] = 1;
    }
    return code;
}

static void *read_to_the_end(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    do {
        worker->code = read_batch(worker);
    } while (worker->code == ERROR_MORE_DATA);
    return NULL;
}

static void *read_until_ended(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    do {
        worker->code = read_batch(worker);
        if (worker->code == ERROR_NO_MORE_ITEMS)
            sched_yield();
    } while (worker->code != ERROR_INVALID_PARAMETER);
    return NULL;
}

static void threads_share_a_handle(void)
{
    HANDLE pim = pim_with_many(MANY);
    pthread_barrier_t barrier;
    int turn, turns = quick ? 2 : 50;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (turn = 0; turn < turns; turn++) {
        HANDLE running = started(pim, ALL_SOURCES);
        DWORD n;
        int of;
        start_workers(read_to_the_end, THREADS, &barrier, running);
        join_workers(THREADS);
        for (of = 0; of < THREADS; of++)
            CHECK_EQ(workers[of].code, ERROR_NO_MORE_ITEMS);
        for (n = 0; n < MANY; n++) {
            int seen = 0;
            for (of = 0; of < THREADS; of++)
                seen += workers[of].seen[n];
            CHECK_EQ(seen, 1);
        }
        check_rest(running, NULL, 0);
        end(running);
    }
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    leave_lan(pim);
}

/* With End, or a deregistration instead. */
static void end_while_threads_read(int by_deregistering)
{
    HANDLE pim = pim_with_many(quick ? 400 : MANY);
    pthread_barrier_t barrier;
    int turn, turns = quick ? 6 : 200;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (turn = 0; turn < turns; turn++) {
        HANDLE client = registered(PIM, 1), running = started(client, ALL_SOURCES);
        DWORD n;
        int yields;
        start_workers(read_until_ended, THREADS - 1, &barrier, running);
        pthread_barrier_wait(&barrier);
        for (yields = turn % 5; yields > 0; yields--)
            sched_yield();
        if (!by_deregistering)
            end(running);
        deregister(client);
        join_workers(THREADS - 1);
        for (n = 0; n < MANY; n++)
            CHECK(workers[0].seen[n] + workers[1].seen[n] + workers[2].seen[n] <= 1);
    }
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    leave_lan(pim);
}

static void an_end_while_threads_read(void) { end_while_threads_read(0); }
static void a_deregistration_while_threads_read(void) { end_while_threads_read(1); }

static void *end_once(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    worker->code = MgmGroupEnumerationEnd(worker->handle);
    return NULL;
}

static void *deregister_once(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    worker->code = MgmDeRegisterMProtocol(worker->handle);
    return NULL;
}

static void check_one_of_two_succeeded(void)
{
    join_workers(2);
    CHECK(workers[0].code == NO_ERROR || workers[1].code == NO_ERROR);
    CHECK_EQ(workers[0].code + workers[1].code, ERROR_INVALID_PARAMETER);
}

static void of_two_ends_one_succeeds(void)
{
    HANDLE pim = pim_on_lan();
    pthread_barrier_t barrier;
    int turn, turns = quick ? 20 : 1000;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (turn = 0; turn < turns; turn++) {
        start_workers(end_once, 2, &barrier, started(pim, ALL_SOURCES));
        check_one_of_two_succeeded();
        start_workers(deregister_once, 2, &barrier, registered(PIM, 1));
        check_one_of_two_succeeded();
    }
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    leave_lan(pim);
}

/* Repeatedly adds the first before the second, and deletes it after the second. */
static void *add_and_delete(void *argument)
{
    Worker *worker = (Worker *)argument;
    int turn, turns = quick ? 200 : 20000;
    pthread_barrier_wait(worker->barrier);
    for (turn = 0; turn < turns; turn++) {
        join(worker->handle, some_join());
        join(worker->handle, wildcard(1));
        leave(worker->handle, wildcard(1));
        leave(worker->handle, some_join());
    }
    return NULL;
}

static void a_writer_never_shows_half_a_change(void)
{
    HANDLE pim = pim_on_lan();
    SOURCE_GROUP_ENTRY expected[2];
    pthread_barrier_t barrier;
    int turn, turns = quick ? 200 : 20000;
    expected[0] = some_join();
    expected[1] = wildcard(1);
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    start_workers(add_and_delete, 1, &barrier, pim);
    pthread_barrier_wait(&barrier);
    for (turn = 0; turn < turns; turn++) {
        HANDLE running = started(pim, ALL_SOURCES);
        SOURCE_GROUP_ENTRY buffer[3];
        DWORD size, count = 0, entries, code;
        do {
            size = ENTRY_BYTES;
            code = MgmGroupEnumerationGetNext(running, &size, (BYTE *)&buffer[count], &entries);
            CHECK(code == ERROR_MORE_DATA || code == ERROR_NO_MORE_ITEMS);
            count += entries;
            CHECK(count <= 2);
        } while (code == ERROR_MORE_DATA);
        /* None, the first, or both. */
        CHECK(memcmp(buffer, expected, count * ENTRY_BYTES) == 0);
        end(running);
    }
    join_workers(1);
    check_no_groups(pim);
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    leave_lan(pim);
}

/* Makes all calls once. */
static void all_calls(DWORD component_id)
{
    HANDLE igmp = registered(IGMP, component_id), running;
    DWORD own_interface = 100 + component_id;
    SOURCE_GROUP_ENTRY entry = wildcard((int)component_id);
    CHECK_EQ(MgmTakeInterfaceOwnership(igmp, own_interface, 0), NO_ERROR);
    check_owner(own_interface, 0, IGMP, component_id);
    CHECK_EQ(add(igmp, entry, own_interface, JOIN), NO_ERROR);
    running = started(igmp, ALL_SOURCES);
    CHECK_EQ(delete_entry(igmp, entry, own_interface, JOIN), NO_ERROR);
    check_rest(running, &entry, 1);
    end(running);
    CHECK_EQ(MgmReleaseInterfaceOwnership(igmp, own_interface, 0), NO_ERROR);
    deregister(igmp);
}

static pthread_key_t with_destructor;
static int destructor_rounds;

/* Registers itself again, so that it also runs after all other destructors. */
static void call_in_destructor(void *value)
{
    all_calls(1);
    destructor_rounds++;
    if (destructor_rounds < 3)
        CHECK_EQ(pthread_setspecific(with_destructor, value), 0);
}

static void *have_a_destructor(void *argument)
{
    CHECK_EQ(pthread_setspecific(with_destructor, &destructor_rounds), 0);
    (void)argument;
    return NULL;
}

static void *call_and_have_a_destructor(void *argument)
{
    all_calls(1);
    return have_a_destructor(argument);
}

static void check_destructor(void *(*work)(void *))
{
    pthread_t thread;
    destructor_rounds = 0;
    CHECK_EQ(pthread_key_create(&with_destructor, call_in_destructor), 0);
    CHECK_EQ(pthread_create(&thread, NULL, work, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(destructor_rounds, 3);
    CHECK_EQ(pthread_key_delete(with_destructor), 0);
}

static void calls_from_destructors_of_threads(void)
{
    check_destructor(call_and_have_a_destructor);
    /*
     * If this is the first call of a thread, it leaks a little memory: the C library has already run the
     * destructors of thread-local variables, and runs none that are registered now. The leak checkers of the
     * sanitizer and of valgrind would report it.
     */
#ifndef __SANITIZE_ADDRESS__
    if (!quick)
        check_destructor(have_a_destructor);
#endif
}

#ifndef MGM_FOREIGN_HEADER
static void the_version_is_told(void)
{
    const char *version = groupscan_version();
    CHECK(version != NULL);
    CHECK(strlen(version) >= 5);
    CHECK(version[0] >= '0' && version[0] <= '9');
    CHECK(version == groupscan_version());
}
#endif

/* Registered before the first call and after the last, so it runs before and after the library's own. */
static void call_at_exit(void) { all_calls(2); }

typedef void (*Case)(void);

static const Case cases[] = {
    clients_register_and_deregister_once,
    configurations_are_copied_and_never_called,
    an_interface_has_one_owner,
    an_owner_of_interfaces_cannot_deregister,
    addresses_and_masks_are_checked,
    flags_are_checked,
    memberships_are_for_owners_and_igmp,
    a_delete_touches_the_callers_own,
    joins_are_enumerated_and_forwarding_state_is_not,
    a_release_removes_the_owners_memberships,
    a_client_takes_its_memberships_and_enumerations_along,
    all_sources_come_in_order,
    any_source_is_the_lowest_of_each_group,
    addresses_are_in_network_byte_order,
    an_enumeration_is_of_one_point_in_time,
    every_size_and_alignment_of_buffer,
    every_alignment_of_size_and_count,
    the_documented_dialogue,
    get_next_checks_in_order,
    the_end_is_the_end,
    results_must_have_a_place,
    invalid_handles_are_refused,
    random_handles_are_never_taken,
    stale_handles_stay_stale,
    protocols_have_a_limit,
    enumerations_have_a_limit,
    owned_interfaces_have_a_limit,
    threads_share_a_handle,
    an_end_while_threads_read,
    a_deregistration_while_threads_read,
    of_two_ends_one_succeeds,
    a_writer_never_shows_half_a_change,
    calls_from_destructors_of_threads,
#ifndef MGM_FOREIGN_HEADER
    the_version_is_told,
#endif
};

/* Finds what a case failed to clean up: a client, an interface, joins. */
static void check_nothing_is_left(void)
{
    HANDLE clients[4];
    int n;
    clients[0] = registered(PIM, 0);
    clients[1] = registered(PIM, 1);
    clients[2] = registered(PIM, 7);
    clients[3] = registered(IGMP, 0);
    check_no_owner(LAN, 0);
    check_no_groups(clients[0]);
    for (n = 0; n < 4; n++)
        deregister(clients[n]);
}

int main(void)
{
    DWORD n;
    quick = getenv("MGM_QUICK") != NULL;
    CHECK_EQ(atexit(call_at_exit), 0);
    for (n = 0; n < COUNT(cases); n++) {
        cases[n]();
        check_nothing_is_left();
    }
    CHECK_EQ(atexit(call_at_exit), 0);
    printf("%lu cases passed\n", (unsigned long)COUNT(cases));
    return 0;
}
