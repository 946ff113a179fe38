/** Ethernet types of VLAN tags (`ETH_P_8021Q`, `ETH_P_8021AD`, linux/if_ether.h). */
export const vlanProtocols = { '802.1Q': 0x8100, '802.1ad': 0x88a8 } as const;
