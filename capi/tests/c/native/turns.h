/* Calls that wait for their turns, and give up. A part of native.c. */

/* Joins in one change of the other thread: enough to take some milliseconds. */
#define LONG_CHANGE 5000

/* Attempts of a call before the test gives up. */
#define ATTEMPTS 10000000L

/* Another thread that changes a table or a manager, change after change. */
typedef struct Busy {
    pthread_t thread;
    groupscan_table *table;
    groupscan_manager *manager;
    groupscan_protocol_handle protocol;
    groupscan_membership4 *memberships;
    pthread_mutex_t lock;
    bool is_over;
} Busy;

static bool is_over(Busy *busy)
{
    bool over;
    CHECK_EQ(pthread_mutex_lock(&busy->lock), 0);
    over = busy->is_over;
    CHECK_EQ(pthread_mutex_unlock(&busy->lock), 0);
    return over;
}

static void *be_busy(void *argument)
{
    Busy *busy = (Busy *)argument;
    bool joins = true;
    while (!is_over(busy)) {
        groupscan_membership4 *list = busy->memberships;
        groupscan_status status;
        if (busy->table != NULL)
            status = joins ? groupscan_table_join4(busy->table, 2, list, LONG_CHANGE, NULL)
                           : groupscan_table_leave4(busy->table, 2, list, LONG_CHANGE, NULL);
        else
            status = joins ? groupscan_manager_join4(busy->manager, busy->protocol, list,
                                                     LONG_CHANGE, NULL)
                           : groupscan_manager_leave4(busy->manager, busy->protocol, list,
                                                      LONG_CHANGE, NULL);
        /* The timeout is that of all calls, so the turn may be the main thread's. */
        CHECK(status == GROUPSCAN_OK || status == TIMEOUT);
        if (status == GROUPSCAN_OK)
            joins = !joins;
    }
    return NULL;
}

static void start_busy(Busy *busy, groupscan_table *table, groupscan_manager *manager,
                       groupscan_protocol_handle protocol)
{
    unsigned n;
    busy->table = table;
    busy->manager = manager;
    busy->protocol = protocol;
    busy->is_over = false;
    busy->memberships = (groupscan_membership4 *)memory_of(LONG_CHANGE * sizeof *busy->memberships);
    for (n = 0; n < LONG_CHANGE; n++) {
        busy->memberships[n] = membership4_of(member(SOME_GROUP, 0, 1, JOIN));
        busy->memberships[n].group[0] = 238;
        busy->memberships[n].group[2] = (uint8_t)(n / 256);
        busy->memberships[n].group[3] = (uint8_t)(n % 256);
    }
    CHECK_EQ(pthread_mutex_init(&busy->lock, NULL), 0);
    CHECK_EQ(pthread_create(&busy->thread, NULL, be_busy, busy), 0);
}

static void end_busy(Busy *busy)
{
    CHECK_EQ(pthread_mutex_lock(&busy->lock), 0);
    busy->is_over = true;
    CHECK_EQ(pthread_mutex_unlock(&busy->lock), 0);
    CHECK_EQ(pthread_join(busy->thread, NULL), 0);
    CHECK_EQ(pthread_mutex_destroy(&busy->lock), 0);
    free(busy->memberships);
}

/* Repeats a call until its turn does not come, and checks that it wrote no result then. */
#define UNTIL_TIMEOUT(call)                                                                     \
    do {                                                                                        \
        long left_ = ATTEMPTS;                                                                  \
        do {                                                                                    \
            CHECK(left_-- > 0);                                                                 \
            /* Lets the other thread run, also under valgrind. */                               \
            sched_yield();                                                                      \
            forget_results();                                                                   \
        } while ((call) != TIMEOUT);                                                            \
        CHECK(is_untouched(&results, sizeof results));                                          \
        met[TIMEOUT] = true;                                                                    \
    } while (0)

/* As UNTIL_TIMEOUT, for a change. */
#define CHANGE_UNTIL_TIMEOUT(call)                                                              \
    do {                                                                                        \
        UNTIL_TIMEOUT(call);                                                                    \
        check_refused_at(NOWHERE);                                                              \
    } while (0)

static void calls_on_a_table_give_up(void)
{
    groupscan_table *table = new_table();
    groupscan_membership4 one4 = membership4_of(member(1, 0, 0, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_place4 place = GROUPSCAN_PLACE4_INIT;
    groupscan_snapshot *snapshot;
    Busy busy;
    bool more;
    int n;
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_set_timeout(table, 0));
    /* No other thread is at work, so the turn comes at once. */
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));

    start_busy(&busy, table, NULL, 0);
    CHANGE_UNTIL_TIMEOUT(groupscan_table_join4(table, 1, &one4, 1, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_update4(table, 1, NULL, 0, &one4, 1, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_leave_all4(table, 1, &on4, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_replace4(table, 1, &on4, NULL, 0, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_leave6(table, 1, NULL, 0, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_leave_everywhere4(table, 1, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_table_replace4_step(table, 1, &on4, NULL, 0, JOIN, 1, &place,
                                                       &more, &outcome));
    CHANGE_UNTIL_TIMEOUT(
        groupscan_table_leave_all4_step(table, 1, &on4, 1, &place, &more, &outcome));
    CHANGE_UNTIL_TIMEOUT(
        groupscan_table_leave_everywhere4_step(table, 1, 1, &place, &more, &outcome));
    UNTIL_TIMEOUT(groupscan_table_retained(table, results.retained, 2, sizeof results.retained[0],
                                           &results.number));
    UNTIL_TIMEOUT(groupscan_table_reclaim(table, &results.is_so));
    UNTIL_TIMEOUT(groupscan_table_trim(table, &results.is_so));
    /* Readers do not wait, whatever the timeout. */
    snapshot = taken(table);
    groupscan_snapshot_destroy(snapshot);
    /* Without a limit and within a long time every turn comes. */
    for (n = 0; n < 3; n++) {
        OK(groupscan_table_set_timeout(table, n % 2 == 0 ? GROUPSCAN_WAIT_FOREVER : 600000u));
        OK(groupscan_table_leave4(table, 1, &one4, 1, &outcome));
        OK(groupscan_table_join4(table, 1, &one4, 1, &outcome));
        CHECK_EQ(outcome.changed, 1);
        OK(groupscan_table_leave_everywhere4(table, 1, &outcome));
        CHECK_EQ(outcome.changed, 1);
    }
    end_busy(&busy);
    groupscan_table_destroy(table);
}

static void calls_on_a_manager_give_up(void)
{
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp, pim;
    groupscan_membership4 one4 = membership4_of(member(1, 0, 0, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_place4 place = GROUPSCAN_PLACE4_INIT;
    DWORD protocol_id = 0, component_id = 0;
    Busy busy;
    bool more;
    long attempts;
    OK(groupscan_manager_of_process(NULL, &manager));
    igmp = registered(manager, 10, 77);
    pim = registered(manager, 20, 77);
    OK(groupscan_manager_take_interface4(manager, pim, &on4));
    OK(groupscan_manager_set_timeout(manager, 0));
    OK(groupscan_manager_join4(manager, igmp, &one4, 1, NULL));

    start_busy(&busy, NULL, manager, igmp);
    UNTIL_TIMEOUT(groupscan_manager_register(manager, 20, 77, &results.protocol));
    UNTIL_TIMEOUT(groupscan_manager_deregister(manager, pim));
    UNTIL_TIMEOUT(groupscan_manager_take_interface4(manager, pim, &on4));
    UNTIL_TIMEOUT(groupscan_manager_release_interface4(manager, igmp, &on4));
    UNTIL_TIMEOUT(groupscan_manager_owner4(manager, &on4, &results.id, &results.other_id));
    CHANGE_UNTIL_TIMEOUT(groupscan_manager_join4(manager, igmp, &one4, 1, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_manager_update4(manager, igmp, NULL, 0, &one4, 1, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_manager_leave_all4(manager, igmp, &on4, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_manager_replace4(manager, pim, &on4, NULL, 0, &outcome));
    CHANGE_UNTIL_TIMEOUT(groupscan_manager_replace4_step(manager, pim, &on4, NULL, 0, JOIN, 1,
                                                         &place, &more, &outcome));
    CHANGE_UNTIL_TIMEOUT(
        groupscan_manager_leave_all4_step(manager, pim, &on4, 1, &place, &more, &outcome));
    CHANGE_UNTIL_TIMEOUT(
        groupscan_manager_release_interface4_step(manager, igmp, &on4, 1, &place, &more, &outcome));
    CHANGE_UNTIL_TIMEOUT(
        groupscan_manager_deregister_step(manager, pim, 1, &place, &more, &outcome));
    UNTIL_TIMEOUT(groupscan_manager_retained(manager, results.retained, 2,
                                             sizeof results.retained[0], &results.number));
    UNTIL_TIMEOUT(groupscan_manager_reclaim(manager, &results.is_so));
    UNTIL_TIMEOUT(groupscan_manager_trim(manager, &results.is_so));
    UNTIL_TIMEOUT(groupscan_manager_enumerations4(manager, results.enumerations, 2,
                                                  sizeof results.enumerations[0],
                                                  &results.number));
    attempts = ATTEMPTS;
    while (MgmGetProtocolOnInterface(3, 0, &protocol_id, &component_id) != ERROR_CAN_NOT_COMPLETE) {
        CHECK(attempts-- > 0);
        sched_yield();
    }
    OK(groupscan_manager_set_timeout(manager, GROUPSCAN_WAIT_FOREVER));
    OK(groupscan_manager_leave4(manager, igmp, &one4, 1, &outcome));
    CHECK_EQ(outcome.changed, 1);
    end_busy(&busy);

    OK(groupscan_manager_release_interface4(manager, pim, &on4));
    OK(groupscan_manager_deregister(manager, pim));
    OK(groupscan_manager_deregister(manager, igmp));
}
