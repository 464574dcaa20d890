/* Cases: the clients of managers. A part of native.c. */

#define PIM 0x01370020u
#define IGMP 10u
#define VENDOR_IGMP 0x0137000au
/* Numbers of interfaces. */
#define LAN 0u
#define WAN 3u
#define NOBODYS 6u

/* Interfaces by their numbers, as in the model. */
static groupscan_status take(groupscan_manager *manager, groupscan_protocol_handle protocol,
                             unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_take_interface4(manager, protocol, &on);
}

static groupscan_status release(groupscan_manager *manager,
                                groupscan_protocol_handle protocol, unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_release_interface4(manager, protocol, &on);
}

static groupscan_status change_managed(groupscan_manager *manager, Change what,
                                       groupscan_protocol_handle protocol, const Member *members,
                                       size_t count, groupscan_outcome *became)
{
    groupscan_membership4 memberships[40];
    size_t n;
    CHECK(count <= COUNT(memberships));
    for (n = 0; n < count; n++)
        memberships[n] = membership4_of(members[n]);
    if (what == JOINING)
        return groupscan_manager_join4(manager, protocol, memberships, count, became);
    return groupscan_manager_leave4(manager, protocol, memberships, count, became);
}

static groupscan_snapshot *taken_of(const groupscan_manager *manager)
{
    groupscan_snapshot *snapshot = NULL;
    OK(groupscan_manager_snapshot(manager, &snapshot));
    return snapshot;
}

static uint64_t managed_version(const groupscan_manager *manager)
{
    groupscan_snapshot *snapshot = taken_of(manager);
    uint64_t version = info_of(snapshot).version;
    groupscan_snapshot_destroy(snapshot);
    return version;
}

static void check_managed(const groupscan_manager *manager, const Model *model)
{
    groupscan_snapshot *snapshot = taken_of(manager);
    check_snapshot(snapshot, 0, model);
    groupscan_snapshot_destroy(snapshot);
}

static uint32_t number_of(const groupscan_manager *manager, groupscan_protocol_handle protocol)
{
    uint32_t number = 0;
    OK(groupscan_manager_protocol_number(manager, protocol, &number));
    return number;
}

/* Changes a manager's memberships and the model, and checks the outcome. */
static void change_managed_both(groupscan_manager *manager, Model *model, Change what,
                                groupscan_protocol_handle protocol, const Member *members,
                                size_t count)
{
    uint64_t before = managed_version(manager);
    size_t changed = change_model(model, what, number_of(manager, protocol), members, count);
    OK(change_managed(manager, what, protocol, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(managed_version(manager), outcome.version);
}

static void check_owner(const groupscan_manager *manager, unsigned interface, uint32_t protocol_id,
                        uint32_t component_id)
{
    groupscan_interface4 on = interface4_of(interface);
    uint32_t protocol = 0, component = 0;
    OK(groupscan_manager_owner4(manager, &on, &protocol, &component));
    CHECK_EQ(protocol, protocol_id);
    CHECK_EQ(component, component_id);
}

static void check_no_owner(const groupscan_manager *manager, unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    REFUSED(groupscan_manager_owner4(manager, &on, &results.id, &results.other_id), NOT_FOUND);
}

static groupscan_enumeration_handle managed_start(groupscan_manager *manager,
                                                  groupscan_protocol_handle protocol, unsigned view)
{
    groupscan_enumeration_handle handle = 0;
    OK(groupscan_manager_start4(manager, protocol, view, NULL, &handle));
    CHECK(handle != 0 && handle != ~(uint64_t)0);
    return handle;
}

/* Checks that an enumeration has the expected records left, from an index on. */
static void check_managed_rest(groupscan_manager *manager,
                               groupscan_enumeration_handle handle, size_t from, size_t a_call)
{
    uint8_t memory[20 * sizeof(groupscan_source_group_entry4)];
    bool more;
    CHECK(a_call * 16 + 2 <= sizeof memory);
    do {
        size_t left = expected.count - from, count = NOWHERE;
        more = left == 0;
        OK(groupscan_manager_next(manager, handle, memory + 1, a_call * 16 + 1, &count, &more));
        CHECK_EQ(count, left < a_call ? left : a_call);
        CHECK(memcmp(memory + 1, record(&expected, from), count * 16) == 0);
        from += count;
        CHECK_EQ(more, from < expected.count);
    } while (more);
    for (from = 0; from < 20; from++) {
        size_t count = NOWHERE;
        OK(groupscan_manager_next(manager, handle, from % 2 ? NULL : memory, from, &count, NULL));
        CHECK_EQ(count, 0);
    }
}

static void clients_register_and_deregister_once(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0), second, other, namesake, again;
    REFUSED(groupscan_manager_register(manager, PIM, 0, &results.protocol), ALREADY_EXISTS);
    second = registered(manager, PIM, 1);
    other = registered(manager, PIM + 1, 0);
    CHECK(pim != second && second != other && pim != other);
    /* Records name clients by their protocol ids; no two clients have the same number. */
    CHECK_EQ(number_of(manager, pim), PIM);
    CHECK_EQ(number_of(manager, other), PIM + 1);
    CHECK(number_of(manager, second) != PIM && number_of(manager, second) != PIM + 1);
    namesake = registered(manager, number_of(manager, second), 0);
    CHECK(number_of(manager, namesake) != number_of(manager, second));
    CHECK(number_of(manager, namesake) != PIM && number_of(manager, namesake) != PIM + 1);
    OK(groupscan_manager_deregister(manager, namesake));
    OK(groupscan_manager_deregister(manager, pim));
    REFUSED(groupscan_manager_deregister(manager, pim), INVALID_HANDLE);
    again = registered(manager, PIM, 0);
    CHECK(again != pim);
    CHECK_EQ(number_of(manager, again), PIM);
    OK(take(manager, again, LAN));
    REFUSED(groupscan_manager_deregister(manager, again), OWNS_INTERFACES);
    check_owner(manager, LAN, PIM, 0);
    OK(release(manager, again, LAN));
    OK(groupscan_manager_deregister(manager, again));
    OK(groupscan_manager_deregister(manager, second));
    OK(groupscan_manager_deregister(manager, other));
    groupscan_manager_destroy(manager);
}

static void an_interface_has_one_owner(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle other = registered(manager, PIM, 7);
    check_no_owner(manager, LAN);
    OK(take(manager, pim, LAN));
    /* It already owns it. */
    OK(take(manager, pim, LAN));
    REFUSED(take(manager, other, LAN), ALREADY_OWNED);
    check_owner(manager, LAN, PIM, 0);
    /* The next hop counts: the next number has the same index. */
    check_no_owner(manager, LAN + 1);
    OK(take(manager, other, LAN + 1));
    check_owner(manager, LAN + 1, PIM, 7);
    check_owner(manager, LAN, PIM, 0);
    REFUSED(release(manager, other, LAN), NOT_OWNER);
    REFUSED(release(manager, pim, NOBODYS), NOT_OWNER);
    OK(release(manager, pim, LAN));
    REFUSED(release(manager, pim, LAN), NOT_OWNER);
    check_no_owner(manager, LAN);
    OK(take(manager, other, LAN));
    OK(release(manager, other, LAN));
    OK(release(manager, other, LAN + 1));
    groupscan_manager_destroy(manager);
}

static void memberships_are_for_owners_and_igmp(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_protocol_handle vendor_igmp = registered(manager, VENDOR_IGMP, 0);
    groupscan_protocol_handle second_igmp = registered(manager, IGMP, 1);
    Model model;
    Member on_lan = member(1, 3, LAN, JOIN), on_wan = member(2, 0, WAN, BOTH);
    Member nobodys = member(3, 0, NOBODYS, FORWARD);
    model.count = 0;
    OK(take(manager, pim, LAN));
    OK(take(manager, igmp, WAN));
    change_managed_both(manager, &model, JOINING, pim, &on_lan, 1);
    CHANGE_REFUSED(change_managed(manager, JOINING, pim, &on_wan, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, JOINING, pim, &nobodys, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, pim, &on_wan, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, pim, &nobodys, 1, &outcome), NOT_FOUND, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, igmp, &nobodys, 1, &outcome), NOT_FOUND, 0);
    change_managed_both(manager, &model, JOINING, igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, igmp, &on_wan, 1);
    change_managed_both(manager, &model, JOINING, igmp, &nobodys, 1);
    change_managed_both(manager, &model, JOINING, vendor_igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, second_igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, second_igmp, &nobodys, 1);
    check_managed(manager, &model);
    CHECK_EQ(model.count, 7);
    /* Each leaves its own memberships. Leaving one that does not exist is OK on an existing interface. */
    change_managed_both(manager, &model, LEAVING, vendor_igmp, &nobodys, 1);
    CHECK_EQ(outcome.changed, 0);
    change_managed_both(manager, &model, LEAVING, vendor_igmp, &on_lan, 1);
    CHECK_EQ(outcome.changed, 1);
    OK(change_managed(manager, LEAVING, pim, &nobodys, 1, &outcome));
    CHECK_EQ(outcome.changed, 0);
    /* A release removes the owner's memberships, a deregistration all remaining ones. */
    OK(release(manager, pim, LAN));
    replace_model(&model, PIM, LAN, NULL, 0);
    check_managed(manager, &model);
    OK(release(manager, igmp, WAN));
    replace_model(&model, IGMP, WAN, NULL, 0);
    check_managed(manager, &model);
    OK(groupscan_manager_deregister(manager, igmp));
    replace_model(&model, IGMP, LAN, NULL, 0);
    replace_model(&model, IGMP, NOBODYS, NULL, 0);
    CHECK_EQ(model.count, 2);
    check_managed(manager, &model);
    OK(groupscan_manager_deregister(manager, second_igmp));
    model.count = 0;
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

/* A membership that is refused, its addresses in memory order, and the status. */
typedef struct Bad {
    uint8_t group[4];
    uint8_t source[4];
    unsigned interface;
    uint32_t flags;
    groupscan_status join;
    groupscan_status leave;
} Bad;

static const Bad bad_memberships[] = {
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 0, INVALID_FLAGS, INVALID_FLAGS},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 4, INVALID_FLAGS, INVALID_FLAGS},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 0x101, INVALID_FLAGS, INVALID_FLAGS},
    {{223, 255, 255, 255}, {0, 0, 0, 0}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{240, 0, 0, 0}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 239}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{255, 255, 255, 255}, {0, 0, 0, 0}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 0}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 0}, {0, 0, 0, 1}, LAN, 2, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, WAN, 1, NOT_OWNER, NOT_OWNER},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, NOBODYS, 1, NOT_OWNER, NOT_FOUND},
};

static void a_refused_membership_changes_nothing(void)
{
    static const size_t places[] = {0, 1, 4};
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle other = registered(manager, PIM, 1);
    Model model;
    Member members[5];
    uint64_t before;
    size_t of, n, place;
    unsigned what;
    model.count = 0;
    OK(take(manager, pim, LAN));
    OK(take(manager, other, WAN));
    for (n = 0; n < 5; n++)
        members[n] = member((unsigned)n + 1, 3, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 5);
    before = managed_version(manager);
    for (of = 0; of < COUNT(bad_memberships); of++) {
        const Bad *bad = &bad_memberships[of];
        for (place = 0; place < COUNT(places); place++) {
            for (what = 0; what < 2; what++) {
                groupscan_status status = what == 0 ? bad->join : bad->leave;
                groupscan_membership4 list[5];
                groupscan_membership4 *at = &list[places[place]];
                for (n = 0; n < 5; n++) {
                    list[n] = membership4_of(members[n]);
                    /* The other joins would change something. */
                    list[n].flags = what == 0 ? BOTH : JOIN;
                }
                memcpy(at->group, bad->group, 4);
                memcpy(at->source, bad->source, 4);
                at->iface = interface4_of(bad->interface);
                at->flags = bad->flags;
                if (what == 0)
                    CHANGE_REFUSED(groupscan_manager_join4(manager, pim, list, 5, &outcome), status,
                                   places[place]);
                else
                    CHANGE_REFUSED(groupscan_manager_leave4(manager, pim, list, 5, &outcome),
                                   status, places[place]);
            }
        }
    }
    CHECK_EQ(managed_version(manager), before);
    check_managed(manager, &model);
    /* All groups from all sources may be joined. */
    members[0] = member(0, 0, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 1);
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

static void multicast_groups_have_bounds(void)
{
    static const uint8_t groups[][4] = {{224, 0, 0, 0}, {239, 255, 255, 255}};
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_membership4 membership = membership4_of(member(1, 3, LAN, JOIN));
    size_t n;
    for (n = 0; n < COUNT(groups); n++) {
        memcpy(membership.group, groups[n], 4);
        OK(groupscan_manager_join4(manager, igmp, &membership, 1, &outcome));
        CHECK_EQ(outcome.changed, 1);
    }
    groupscan_manager_destroy(manager);
}

/* The interface existed before the call, so it exists for all memberships of the call. */
static void an_interface_may_lose_its_last_membership_on_the_way(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Member twice[3];
    twice[0] = twice[1] = twice[2] = member(1, 3, NOBODYS, JOIN);
    twice[2].group = 2;
    OK(change_managed(manager, JOINING, igmp, twice, 1, NULL));
    OK(change_managed(manager, LEAVING, igmp, twice, 3, &outcome));
    check_outcome(2, 1, NOWHERE);
    CHANGE_REFUSED(change_managed(manager, LEAVING, igmp, twice, 3, &outcome), NOT_FOUND, 0);
    groupscan_manager_destroy(manager);
}

static groupscan_status leave_all_managed(groupscan_manager *manager,
                                          groupscan_protocol_handle protocol, unsigned interface,
                                          groupscan_outcome *became)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_leave_all4(manager, protocol, &on, became);
}

static groupscan_status replace_managed(groupscan_manager *manager,
                                        groupscan_protocol_handle protocol, unsigned interface,
                                        const Member *members, size_t count,
                                        groupscan_outcome *became)
{
    groupscan_interface4 on = interface4_of(interface);
    groupscan_join4 joins[10];
    size_t n;
    CHECK(count <= COUNT(joins));
    for (n = 0; n < count; n++)
        joins[n] = join4_of(members[n].group, members[n].source);
    return groupscan_manager_replace4(manager, protocol, &on, joins, count, became);
}

static groupscan_status update_managed(groupscan_manager *manager,
                                       groupscan_protocol_handle protocol, const Member *members,
                                       size_t leave_count, size_t join_count,
                                       groupscan_outcome *became)
{
    groupscan_membership4 memberships[20];
    size_t n;
    CHECK(leave_count + join_count <= COUNT(memberships));
    for (n = 0; n < leave_count + join_count; n++)
        memberships[n] = membership4_of(members[n]);
    return groupscan_manager_update4(manager, protocol, memberships, leave_count,
                                     memberships + leave_count, join_count, became);
}

static void clients_leave_and_join_in_one_commit(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Model model;
    Member members[8], bad;
    unsigned n;
    model.count = 0;
    OK(take(manager, pim, LAN));
    for (n = 0; n < 8; n++)
        members[n] = member(1 + n, n / 4, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 4);
    OK(update_managed(manager, pim, members, 4, 4, &outcome));
    change_model(&model, LEAVING, PIM, members, 4);
    change_model(&model, JOINING, PIM, members + 4, 4);
    check_outcome(2, 8, NOWHERE);
    check_managed(manager, &model);
    OK(update_managed(manager, pim, members, 4, 4, &outcome));
    check_outcome(2, 0, NOWHERE);
    /* Each leave and each join may be refused. */
    bad = members[4];
    bad.interface = NOBODYS;
    for (n = 0; n < 8; n++) {
        Member list[8];
        memcpy(list, members, sizeof list);
        list[n] = bad;
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome),
                       n < 4 ? NOT_FOUND : NOT_OWNER, n);
        list[n].interface = LAN;
        list[n].flags = 0;
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome), INVALID_FLAGS, n);
        list[n] = member(0, 3, LAN, JOIN);
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome), INVALID_MEMBERSHIP, n);
    }
    check_managed(manager, &model);
    /* An interface that only the joins of the call create did not exist before it. */
    CHANGE_REFUSED(update_managed(manager, igmp, &bad, 1, 0, &outcome), NOT_FOUND, 0);
    OK(update_managed(manager, igmp, &bad, 0, 1, &outcome));
    check_outcome(3, 1, NOWHERE);
    groupscan_manager_destroy(manager);
}

static void clients_leave_and_replace_all_of_an_interface(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Model model;
    Member members[10];
    uint64_t version;
    unsigned n;
    model.count = 0;
    for (n = 0; n < 10; n++)
        members[n] = member(n / 2, n == 0 ? 0 : n, LAN, n % 3 == 1 ? BOTH : JOIN);
    members[1] = member(1, 0, LAN, JOIN);
    OK(take(manager, pim, LAN));
    OK(take(manager, igmp, WAN));
    change_managed_both(manager, &model, JOINING, pim, members, 8);
    change_managed_both(manager, &model, JOINING, igmp, members + 2, 8);
    version = managed_version(manager);

    OK(replace_managed(manager, pim, LAN, members + 4, 6, &outcome));
    check_outcome(version + 1, replace_model(&model, PIM, LAN, members + 4, 6), NOWHERE);
    CHECK(outcome.changed > 6);
    check_managed(manager, &model);
    OK(replace_managed(manager, pim, LAN, members + 4, 6, &outcome));
    check_outcome(version + 1, 0, NOWHERE);
    OK(replace_managed(manager, igmp, NOBODYS, members, 3, &outcome));
    check_outcome(version + 2, replace_model(&model, IGMP, NOBODYS, members, 3), NOWHERE);
    check_managed(manager, &model);
    /* Which clients may change memberships, and on which interfaces. */
    CHANGE_REFUSED(replace_managed(manager, pim, WAN, members, 3, &outcome), NOT_OWNER, NOWHERE);
    CHANGE_REFUSED(replace_managed(manager, pim, NOBODYS, members, 3, &outcome), NOT_OWNER,
                   NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, pim, WAN, &outcome), NOT_OWNER, NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, igmp, ABSENT_INTERFACE, &outcome), NOT_FOUND,
                   NOWHERE);
    for (n = 1; n < 10; n++) {
        Member list[10];
        memcpy(list, members, sizeof list);
        list[n] = list[n - 1];
        CHANGE_REFUSED(replace_managed(manager, pim, LAN, list, 10, &outcome), NOT_ASCENDING, n);
        /* All groups from one source. */
        list[n] = member(0, 3, 0, 0);
        CHANGE_REFUSED(replace_managed(manager, pim, LAN, list, 10, &outcome), INVALID_MEMBERSHIP,
                       n);
    }
    check_managed(manager, &model);
    CHECK_EQ(managed_version(manager), version + 2);

    OK(leave_all_managed(manager, igmp, LAN, &outcome));
    check_outcome(version + 3, replace_model(&model, IGMP, LAN, NULL, 0), NOWHERE);
    CHECK_EQ(outcome.changed, 8);
    check_managed(manager, &model);
    /* They have no memberships there, but the interface exists: by its owner or by others' memberships. */
    OK(leave_all_managed(manager, igmp, LAN, &outcome));
    check_outcome(version + 3, 0, NOWHERE);
    OK(leave_all_managed(manager, igmp, WAN, &outcome));
    OK(leave_all_managed(manager, pim, NOBODYS, &outcome));
    check_outcome(version + 3, 0, NOWHERE);
    OK(leave_all_managed(manager, igmp, NOBODYS, &outcome));
    check_outcome(version + 4, replace_model(&model, IGMP, NOBODYS, NULL, 0), NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, igmp, NOBODYS, &outcome), NOT_FOUND, NOWHERE);
    OK(replace_managed(manager, pim, LAN, NULL, 0, &outcome));
    check_outcome(version + 5, 6, NOWHERE);
    model.count = 0;
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

/* A manager with some memberships of multicast groups, whose clients are the protocols. */
static groupscan_manager *manager_of_some(groupscan_protocol_handle clients[PROTOCOLS])
{
    groupscan_manager *manager = new_manager();
    Model all;
    size_t n;
    unsigned of;
    put_some(&all);
    some.count = 0;
    /* Protocols 10, 10 + 2^16 and 10 + 2^17 are all IGMP. */
    for (of = 0; of < PROTOCOLS; of++)
        clients[of] = registered(manager, 10 + (of << 16), 0);
    for (n = 0; n < all.count; n++) {
        of = all.members[n].protocol - 10;
        change_managed_both(manager, &some, JOINING, clients[of], &all.members[n], 1);
    }
    CHECK_EQ(some.count, all.count);
    return manager;
}
