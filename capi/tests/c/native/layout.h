/* The numbers and layouts of groupscan.h. A part of native.c. */

STATIC_CHECK(GROUPSCAN_VERSION_NUMBER ==
             GROUPSCAN_MAKE_VERSION(GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR,
                                    GROUPSCAN_VERSION_PATCH));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(1, 2, 3) == 0x10203);
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 1, 0) < GROUPSCAN_MAKE_VERSION(0, 1, 1));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 1, 255) < GROUPSCAN_MAKE_VERSION(0, 2, 0));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 255, 255) < GROUPSCAN_MAKE_VERSION(1, 0, 0));

STATIC_CHECK((int)GROUPSCAN_OK == 0);
STATIC_CHECK((int)GROUPSCAN_ERROR_NULL_POINTER == 1);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_SIZE == 2);
STATIC_CHECK((int)GROUPSCAN_ERROR_UNKNOWN_OPTION == 3);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_VIEW == 4);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_FLAGS == 5);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_PREFIX == 6);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_FAMILY == 7);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_MEMBERSHIP == 8);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_HANDLE == 9);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_ASCENDING == 10);
STATIC_CHECK((int)GROUPSCAN_ERROR_BUFFER_TOO_SMALL == 11);
STATIC_CHECK((int)GROUPSCAN_ERROR_OUT_OF_MEMORY == 12);
STATIC_CHECK((int)GROUPSCAN_ERROR_OUT_OF_CAPACITY == 13);
STATIC_CHECK((int)GROUPSCAN_ERROR_TOO_MANY == 14);
STATIC_CHECK((int)GROUPSCAN_ERROR_ALREADY_EXISTS == 15);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_FOUND == 16);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_OWNER == 17);
STATIC_CHECK((int)GROUPSCAN_ERROR_ALREADY_OWNED == 18);
STATIC_CHECK((int)GROUPSCAN_ERROR_OWNS_INTERFACES == 19);
STATIC_CHECK((int)GROUPSCAN_ERROR_INTERNAL == 20);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_ORDER == 21);
STATIC_CHECK((int)GROUPSCAN_ERROR_TIMEOUT == 22);
STATIC_CHECK(GROUPSCAN_WAIT_FOREVER == 4294967295u);
STATIC_CHECK(sizeof(groupscan_status) == 4);

STATIC_CHECK((int)GROUPSCAN_VIEW_ALL_SOURCES == 0);
STATIC_CHECK((int)GROUPSCAN_VIEW_ONE_PER_GROUP == 1);
STATIC_CHECK((int)GROUPSCAN_VIEW_SOURCE_SPECIFIC == 2);
STATIC_CHECK((int)GROUPSCAN_VIEW_ANY_SOURCE == 3);
STATIC_CHECK((int)GROUPSCAN_VIEW_GROUPS == 4);

STATIC_CHECK((int)GROUPSCAN_BY_GROUP == 0);
STATIC_CHECK((int)GROUPSCAN_BY_INTERFACE == 1);

STATIC_CHECK(GROUPSCAN_JOIN == 1);
STATIC_CHECK(GROUPSCAN_FORWARD == 2);
STATIC_CHECK(GROUPSCAN_KEEP_FLAGS == 256);
STATIC_CHECK(GROUPSCAN_IPV4 == 4);
STATIC_CHECK(GROUPSCAN_IPV6 == 6);
STATIC_CHECK(GROUPSCAN_NOWHERE == (size_t)-1);
STATIC_CHECK(sizeof(groupscan_protocol_handle) == 8);
STATIC_CHECK(sizeof(groupscan_enumeration_handle) == 8);
STATIC_CHECK(sizeof(size_t) == 8);

STATIC_CHECK(sizeof(groupscan_interface4) == 8);
STATIC_CHECK(offsetof(groupscan_interface4, index) == 0);
STATIC_CHECK(offsetof(groupscan_interface4, next_hop) == 4);
STATIC_CHECK(sizeof(groupscan_interface6) == 20);
STATIC_CHECK(offsetof(groupscan_interface6, index) == 0);
STATIC_CHECK(offsetof(groupscan_interface6, next_hop) == 4);

STATIC_CHECK(sizeof(groupscan_join4) == 8);
STATIC_CHECK(offsetof(groupscan_join4, group) == 0);
STATIC_CHECK(offsetof(groupscan_join4, source) == 4);
STATIC_CHECK(sizeof(groupscan_join6) == 32);
STATIC_CHECK(offsetof(groupscan_join6, group) == 0);
STATIC_CHECK(offsetof(groupscan_join6, source) == 16);

STATIC_CHECK(sizeof(groupscan_membership4) == 20);
STATIC_CHECK(offsetof(groupscan_membership4, group) == 0);
STATIC_CHECK(offsetof(groupscan_membership4, source) == 4);
STATIC_CHECK(offsetof(groupscan_membership4, iface) == 8);
STATIC_CHECK(offsetof(groupscan_membership4, flags) == 16);
STATIC_CHECK(sizeof(groupscan_membership6) == 56);
STATIC_CHECK(offsetof(groupscan_membership6, group) == 0);
STATIC_CHECK(offsetof(groupscan_membership6, source) == 16);
STATIC_CHECK(offsetof(groupscan_membership6, iface) == 32);
STATIC_CHECK(offsetof(groupscan_membership6, flags) == 52);

STATIC_CHECK(sizeof(groupscan_source_group_entry4) == 16);
STATIC_CHECK(sizeof(groupscan_source_group_entry4) == sizeof(SOURCE_GROUP_ENTRY));
STATIC_CHECK(offsetof(groupscan_source_group_entry4, source) == 0);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, source_mask) == 4);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, group) == 8);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, group_mask) == 12);
STATIC_CHECK(sizeof(groupscan_source_group_entry6) == 64);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, source) == 0);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, source_mask) == 16);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, group) == 32);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, group_mask) == 48);

STATIC_CHECK(sizeof(groupscan_membership_entry4) == 32);
STATIC_CHECK(offsetof(groupscan_membership_entry4, entry) == 0);
STATIC_CHECK(offsetof(groupscan_membership_entry4, next_hop) == 16);
STATIC_CHECK(offsetof(groupscan_membership_entry4, interface_index) == 20);
STATIC_CHECK(offsetof(groupscan_membership_entry4, protocol) == 24);
STATIC_CHECK(offsetof(groupscan_membership_entry4, flags) == 28);
STATIC_CHECK(sizeof(groupscan_membership_entry6) == 96);
STATIC_CHECK(offsetof(groupscan_membership_entry6, entry) == 0);
STATIC_CHECK(offsetof(groupscan_membership_entry6, next_hop) == 64);
STATIC_CHECK(offsetof(groupscan_membership_entry6, interface_index) == 80);
STATIC_CHECK(offsetof(groupscan_membership_entry6, protocol) == 84);
STATIC_CHECK(offsetof(groupscan_membership_entry6, flags) == 88);
STATIC_CHECK(offsetof(groupscan_membership_entry6, reserved) == 92);

STATIC_CHECK(sizeof(groupscan_table_options) == 32);
STATIC_CHECK(offsetof(groupscan_table_options, size) == 0);
STATIC_CHECK(offsetof(groupscan_table_options, node_bytes) == 8);
STATIC_CHECK(offsetof(groupscan_table_options, live_versions) == 16);
STATIC_CHECK(offsetof(groupscan_table_options, mapped_bytes) == 24);

STATIC_CHECK(sizeof(groupscan_place4) == 20);
STATIC_CHECK(offsetof(groupscan_place4, iface) == 0);
STATIC_CHECK(offsetof(groupscan_place4, join) == 8);
STATIC_CHECK(offsetof(groupscan_place4, has_begun) == 16);
STATIC_CHECK(sizeof(groupscan_place6) == 56);
STATIC_CHECK(offsetof(groupscan_place6, iface) == 0);
STATIC_CHECK(offsetof(groupscan_place6, join) == 20);
STATIC_CHECK(offsetof(groupscan_place6, has_begun) == 52);

STATIC_CHECK(sizeof(groupscan_outcome) == 24);
STATIC_CHECK(offsetof(groupscan_outcome, version) == 0);
STATIC_CHECK(offsetof(groupscan_outcome, changed) == 8);
STATIC_CHECK(offsetof(groupscan_outcome, refused_at) == 16);

STATIC_CHECK(sizeof(groupscan_family_stats) == 24);
STATIC_CHECK(offsetof(groupscan_family_stats, joins) == 0);
STATIC_CHECK(offsetof(groupscan_family_stats, memberships) == 8);
STATIC_CHECK(offsetof(groupscan_family_stats, interfaces) == 16);

STATIC_CHECK(sizeof(groupscan_stats) == 96);
STATIC_CHECK(offsetof(groupscan_stats, ipv4) == 0);
STATIC_CHECK(offsetof(groupscan_stats, ipv6) == 24);
STATIC_CHECK(offsetof(groupscan_stats, live_versions) == 48);
STATIC_CHECK(offsetof(groupscan_stats, in_use_bytes) == 56);
STATIC_CHECK(offsetof(groupscan_stats, retained_bytes) == 64);
STATIC_CHECK(offsetof(groupscan_stats, pending_bytes) == 72);
STATIC_CHECK(offsetof(groupscan_stats, free_bytes) == 80);
STATIC_CHECK(offsetof(groupscan_stats, mapped_bytes) == 88);

STATIC_CHECK(sizeof(groupscan_retained) == 24);
STATIC_CHECK(offsetof(groupscan_retained, version) == 0);
STATIC_CHECK(offsetof(groupscan_retained, holders) == 8);
STATIC_CHECK(offsetof(groupscan_retained, retained_bytes) == 16);

STATIC_CHECK(sizeof(groupscan_snapshot_info) == 56);
STATIC_CHECK(offsetof(groupscan_snapshot_info, version) == 0);
STATIC_CHECK(offsetof(groupscan_snapshot_info, ipv4) == 8);
STATIC_CHECK(offsetof(groupscan_snapshot_info, ipv6) == 32);

STATIC_CHECK(sizeof(groupscan_key6) == 32);

STATIC_CHECK(sizeof(groupscan_prefix4) == 8);
STATIC_CHECK(offsetof(groupscan_prefix4, address) == 0);
STATIC_CHECK(offsetof(groupscan_prefix4, length) == 4);
STATIC_CHECK(sizeof(groupscan_prefix6) == 20);
STATIC_CHECK(offsetof(groupscan_prefix6, address) == 0);
STATIC_CHECK(offsetof(groupscan_prefix6, length) == 16);

STATIC_CHECK(sizeof(groupscan_filter4) == 40);
STATIC_CHECK(offsetof(groupscan_filter4, size) == 0);
STATIC_CHECK(offsetof(groupscan_filter4, group) == 8);
STATIC_CHECK(offsetof(groupscan_filter4, source) == 16);
STATIC_CHECK(offsetof(groupscan_filter4, has_interface) == 24);
STATIC_CHECK(offsetof(groupscan_filter4, iface) == 28);
STATIC_CHECK(offsetof(groupscan_filter4, reserved) == 36);
STATIC_CHECK(sizeof(groupscan_filter6) == 72);
STATIC_CHECK(offsetof(groupscan_filter6, size) == 0);
STATIC_CHECK(offsetof(groupscan_filter6, group) == 8);
STATIC_CHECK(offsetof(groupscan_filter6, source) == 28);
STATIC_CHECK(offsetof(groupscan_filter6, has_interface) == 48);
STATIC_CHECK(offsetof(groupscan_filter6, iface) == 52);

STATIC_CHECK(sizeof(groupscan_position) == 68);
STATIC_CHECK(offsetof(groupscan_position, group) == 0);
STATIC_CHECK(offsetof(groupscan_position, source) == 16);
STATIC_CHECK(offsetof(groupscan_position, family) == 32);
STATIC_CHECK(offsetof(groupscan_position, has_protocol) == 36);
STATIC_CHECK(offsetof(groupscan_position, protocol) == 40);
STATIC_CHECK(offsetof(groupscan_position, has_interface) == 44);
STATIC_CHECK(offsetof(groupscan_position, interface_index) == 48);
STATIC_CHECK(offsetof(groupscan_position, next_hop) == 52);

STATIC_CHECK(sizeof(groupscan_manager_options) == 64);
STATIC_CHECK(offsetof(groupscan_manager_options, size) == 0);
STATIC_CHECK(offsetof(groupscan_manager_options, node_bytes) == 8);
STATIC_CHECK(offsetof(groupscan_manager_options, live_versions) == 16);
STATIC_CHECK(offsetof(groupscan_manager_options, protocols) == 24);
STATIC_CHECK(offsetof(groupscan_manager_options, owned_interfaces) == 32);
STATIC_CHECK(offsetof(groupscan_manager_options, enumerations) == 40);
STATIC_CHECK(offsetof(groupscan_manager_options, idle_ms) == 48);
STATIC_CHECK(offsetof(groupscan_manager_options, mapped_bytes) == 56);

STATIC_CHECK(sizeof(groupscan_manager_enumeration4) == 160);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, handle) == 0);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, version) == 8);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, remaining) == 16);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, retained_bytes) == 24);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, age_ms) == 32);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, idle_ms) == 40);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, protocol_id) == 48);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, component_id) == 52);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, position) == 56);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, view) == 124);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, group) == 128);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, source) == 136);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, has_interface) == 144);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, iface) == 148);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, reserved) == 156);
