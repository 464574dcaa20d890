/* Cases: a table against its model, and threads. A part of native.c. */

static uint32_t random_state;

static unsigned below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % bound;
}

#define RANDOM_GROUPS 60
#define RANDOM_SOURCES 6

static Member random_member(void)
{
    unsigned group = below(RANDOM_GROUPS) * 11, source = below(RANDOM_SOURCES) * 97;
    return member(group, source, below(INTERFACES), 1 + below(3));
}

/* A random subset of the possible joins, ascending. */
static size_t random_list(Member list[RANDOM_GROUPS])
{
    unsigned group;
    size_t count = 0;
    for (group = 0; group < RANDOM_GROUPS; group++) {
        if (below(6) == 0)
            list[count++] = member(group * 11, below(RANDOM_SOURCES) * 97, 0, 0);
    }
    return count;
}

static void random_change(groupscan_table *table, int six, Model *model)
{
    Member members[RANDOM_GROUPS];
    unsigned protocol = 10 + below(PROTOCOLS), kind = below(100);
    size_t count = 1 + below(30), n;
    if (kind < 2) {
        leave_all_both(table, six, model, protocol, below(INTERFACES));
        return;
    }
    if (kind < 7) {
        count = random_list(members);
        replace_both(table, six, model, protocol, below(INTERFACES), members, count);
        return;
    }
    for (n = 0; n < count; n++)
        members[n] = random_member();
    if (kind < 20) {
        size_t leaves = below((unsigned)count + 1);
        update_both(table, six, model, protocol, members, leaves, count - leaves);
        return;
    }
    change_both(table, six, model, kind % 2 == 0 ? JOINING : LEAVING, protocol, members, count);
}

/* Snapshots of old versions are checked after many later changes. */
static void a_table_is_as_its_model(int six)
{
    static Model model, held_model;
    groupscan_table *table = new_table();
    groupscan_snapshot *held = taken(table);
    int turn, turns = quick ? 120 : 4000, between = quick ? 60 : 200;
    model.count = 0;
    held_model.count = 0;
    random_state = 0x9e3779b9u;
    for (turn = 1; turn <= turns; turn++) {
        random_change(table, six, &model);
        if (turn % between == 0) {
            check_table(table, six, &model);
            check_snapshot(held, six, &held_model);
            groupscan_snapshot_destroy(held);
            held = taken(table);
            held_model = model;
        }
    }
    CHECK(quick || model.count > 300);
    groupscan_table_destroy(table);
    check_snapshot(held, six, &model);
    groupscan_snapshot_destroy(held);
}

/* ---- Cases: threads ---- */

#define THREADS 4
#define MANY 3000

/* The input and output of a thread. */
typedef struct Worker {
    pthread_t thread;
    pthread_barrier_t *barrier;
    groupscan_table *table;
    groupscan_enumeration *enumeration;
    groupscan_manager *manager;
    groupscan_enumeration_handle handle;
    groupscan_status status;
    int six;
    size_t record_bytes;
    size_t a_call;
    uint8_t seen[MANY + 1];
} Worker;

static Worker workers[THREADS];

/* Starts workers that differ only in the number of records a call. */
static void start_workers(void *(*work)(void *), int count, const Worker *alike,
                          pthread_barrier_t *barrier)
{
    int n;
    CHECK_EQ(pthread_barrier_init(barrier, NULL, (unsigned)count), 0);
    for (n = 0; n < count; n++) {
        workers[n] = *alike;
        workers[n].barrier = barrier;
        workers[n].a_call = (size_t)n * 3 + 1;
        CHECK_EQ(pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
}

static void join_workers(int count, pthread_barrier_t *barrier)
{
    int n;
    for (n = 0; n < count; n++)
        CHECK_EQ(pthread_join(workers[n].thread, NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(barrier), 0);
}

/* The number of the group in a record, which is next to its mask. */
static unsigned group_in(int six, const uint8_t *of)
{
    const uint8_t *group = of + 2 * width(six);
    return group[six ? 7 : 2] * 256u + group[six ? 15 : 3];
}

/* Notes a batch. Its records must ascend, and no worker may have got them before. */
static void note_batch(Worker *worker, const uint8_t *batch, size_t count)
{
    unsigned last = 0;
    size_t n;
    CHECK(count <= worker->a_call);
    for (n = 0; n < count; n++) {
        unsigned group = group_in(worker->six, batch + n * worker->record_bytes);
        CHECK(group > last && group <= MANY);
        CHECK_EQ(worker->seen[group], 0);
        worker->seen[group] = 1;
        last = group;
    }
}

static void *read_to_the_end(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint8_t batch[THREADS * 3 * sizeof(groupscan_membership_entry6)];
    bool more = true;
    pthread_barrier_wait(worker->barrier);
    while (more) {
        size_t bytes = worker->a_call * worker->record_bytes, count = NOWHERE;
        if (worker->enumeration != NULL)
            OK(groupscan_enumeration_next(worker->enumeration, batch, bytes, &count, &more));
        else
            OK(groupscan_manager_next(worker->manager, worker->handle, batch, bytes, &count,
                                      &more));
        note_batch(worker, batch, count);
    }
    return NULL;
}

/* Checks that the workers together have got each group once. */
static void check_seen_once(void)
{
    unsigned group;
    int n;
    for (group = 1; group <= MANY; group++) {
        int seen = 0;
        for (n = 0; n < THREADS; n++)
            seen += workers[n].seen[group];
        CHECK_EQ(seen, 1);
    }
}

static void put_many(Member members[MANY])
{
    unsigned n;
    for (n = 0; n < MANY; n++)
        members[n] = member(n + 1, 0, 0, JOIN);
}

static void threads_share_an_enumeration(int six)
{
    static Member members[MANY];
    static Worker alike;
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Walk walks[6];
    int turn, turns = quick ? 6 : 102;
    put_many(members);
    OK(change(table, six, JOINING, 1, members, MANY, NULL));
    snapshot = taken(table);
    walks[0] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[1] = walk_of(GROUPSCAN_VIEW_GROUPS);
    walks[2] = memberships_of(0);
    walks[3] = walk_of(GROUPSCAN_VIEW_ANY_SOURCE);
    walks[3].narrow.interface = 0;
    walks[4] = walk_of(VIEW_BY_GROUP);
    walks[5] = walk_of(VIEW_BY_INTERFACE);
    alike.six = six;
    for (turn = 0; turn < turns; turn++) {
        const Walk *walk = &walks[turn % 6];
        groupscan_enumeration *enumeration = started(snapshot, six, walk);
        pthread_barrier_t barrier;
        alike.enumeration = enumeration;
        alike.record_bytes = record_bytes_of(six, walk);
        start_workers(read_to_the_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        check_seen_once();
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static int writers_at_work;

static void note_that_a_writer_is_done(void)
{
    CHECK_EQ(pthread_mutex_lock(&done_lock), 0);
    writers_at_work--;
    CHECK_EQ(pthread_mutex_unlock(&done_lock), 0);
}

/* Whether a reader continues after `turns` turns. Under valgrind readers may starve writers. */
static int writers_are_at_work(int turns)
{
    int at_work;
    sched_yield();
    CHECK_EQ(pthread_mutex_lock(&done_lock), 0);
    at_work = writers_at_work;
    CHECK_EQ(pthread_mutex_unlock(&done_lock), 0);
    return at_work > 0 && (!quick || turns < 100);
}

#define PAIRS 200

/* Joins and leaves pairs of groups, an odd one and the next. Each writer is a protocol of its own. */
static void *write_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    unsigned protocol = (unsigned)worker->a_call, turn, turns = quick ? 150 : 30000;
    pthread_barrier_wait(worker->barrier);
    for (turn = 0; turn < turns; turn++) {
        unsigned pair = turn * 37 % PAIRS;
        Member members[2];
        groupscan_outcome became;
        members[0] = member(2 * pair + 1, 0, 0, JOIN);
        members[1] = member(2 * pair + 2, 0, 1, JOIN);
        OK(change(worker->table, worker->six, turn / PAIRS % 2 == 0 ? JOINING : LEAVING, protocol,
                  members, 2, &became));
        CHECK_EQ(became.changed, 2);
        CHECK(became.version > 0);
    }
    note_that_a_writer_is_done();
    return NULL;
}

/* Checks that a snapshot has both groups of each pair or neither, and an even number of joins. */
static void check_pairs(const groupscan_snapshot *snapshot, int six, size_t a_call)
{
    uint8_t batch[16 * sizeof(groupscan_source_group_entry6)];
    groupscan_snapshot_info info = info_of(snapshot);
    size_t joins = six ? info.ipv6.joins : info.ipv4.joins, total = 0;
    groupscan_enumeration *enumeration = NULL;
    unsigned last = 0;
    bool more = true;
    OK(enumerate(snapshot, six, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &enumeration));
    while (more) {
        size_t record_bytes = six ? 64 : 16, count = 0, n;
        OK(groupscan_enumeration_next(enumeration, batch, a_call * record_bytes, &count, &more));
        for (n = 0; n < count; n++, total++) {
            unsigned group = group_in(six, batch + n * record_bytes);
            CHECK(group > last);
            CHECK_EQ(group % 2, (total + 1) % 2);
            if (group % 2 == 0)
                CHECK_EQ(group, last + 1);
            last = group;
        }
    }
    CHECK_EQ(total, joins);
    CHECK_EQ(total % 2, 0);
    groupscan_enumeration_destroy(enumeration);
}

static void *read_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint64_t last = 0;
    int turns = 0;
    pthread_barrier_wait(worker->barrier);
    do {
        groupscan_snapshot *snapshot = taken(worker->table);
        groupscan_stats stats = stats_of(worker->table);
        groupscan_retained retained[8];
        size_t count = 0;
        bool more;
        CHECK(info_of(snapshot).version >= last);
        last = info_of(snapshot).version;
        check_pairs(snapshot, worker->six, worker->a_call);
        CHECK_EQ((worker->six ? stats.ipv6 : stats.ipv4).joins % 2, 0);
        /* The others hold at most two versions, and one is the current one. */
        OK(groupscan_table_retained(worker->table, retained, 8, sizeof retained[0], &count));
        CHECK(count >= 1 && count <= THREADS + 2);
        OK(groupscan_table_reclaim(worker->table, &more));
        groupscan_snapshot_destroy(snapshot);
        turns++;
    } while (writers_are_at_work(turns));
    return NULL;
}

static void *write_or_read_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    return worker->a_call <= 4 ? write_pairs(argument) : read_pairs(argument);
}

#define HOSTS 20

/* Hosts that change from (*,G) to (S,G) and back, some at a time. */
static void *write_moves(Worker *worker)
{
    unsigned turn, turns = quick ? 100 : 10000, n;
    for (turn = 0; turn < turns; turn++) {
        unsigned first = turn % 7, count = 1 + turn % (HOSTS - 7);
        unsigned source = turn / 7 % 2 == 0 ? 3 : 0;
        Member members[2 * HOSTS];
        for (n = 0; n < count; n++) {
            members[2 * n] = member(1 + first + n, 0, 0, JOIN);
            members[2 * n + 1] = member(1 + first + n, 3, 0, JOIN);
            /* Leaves both and joins one, so that only the new source remains. */
            members[2 * count + n] = member(1 + first + n, source, 0, JOIN);
        }
        OK(update(worker->table, worker->six, 1, members, 2 * count, count, NULL));
    }
    note_that_a_writer_is_done();
    return NULL;
}

static void check_hosts(groupscan_table *table, int six)
{
    groupscan_snapshot *snapshot = taken(table);
    groupscan_snapshot_info info = info_of(snapshot);
    unsigned n;
    CHECK_EQ((six ? info.ipv6 : info.ipv4).joins, HOSTS);
    for (n = 1; n <= HOSTS; n++)
        CHECK_EQ(is_joined(snapshot, six, n, 0) + is_joined(snapshot, six, n, 3), 1);
    groupscan_snapshot_destroy(snapshot);
}

static void *write_moves_or_check_hosts(void *argument)
{
    Worker *worker = (Worker *)argument;
    int turns = 0;
    pthread_barrier_wait(worker->barrier);
    if (worker->a_call == 1)
        return write_moves(worker);
    do {
        check_hosts(worker->table, worker->six);
        turns++;
    } while (writers_are_at_work(turns));
    return NULL;
}

static void a_host_moves_without_a_gap(int six)
{
    static Worker alike;
    groupscan_table *table = new_table();
    pthread_barrier_t barrier;
    Member members[HOSTS];
    unsigned n;
    for (n = 0; n < HOSTS; n++)
        members[n] = member(1 + n, 0, 0, JOIN);
    OK(change(table, six, JOINING, 1, members, HOSTS, NULL));
    alike.table = table;
    alike.six = six;
    writers_at_work = 1;
    start_workers(write_moves_or_check_hosts, THREADS, &alike, &barrier);
    join_workers(THREADS, &barrier);
    check_hosts(table, six);
    groupscan_table_destroy(table);
}

static void readers_never_see_half_a_change(int six)
{
    static Worker alike;
    groupscan_table *table = new_table();
    pthread_barrier_t barrier;
    groupscan_snapshot *snapshot;
    memset(&alike, 0, sizeof alike);
    alike.table = table;
    alike.six = six;
    writers_at_work = 2;
    start_workers(write_or_read_pairs, THREADS, &alike, &barrier);
    join_workers(THREADS, &barrier);
    CHECK_EQ(writers_at_work, 0);
    snapshot = taken(table);
    check_pairs(snapshot, six, 16);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}
