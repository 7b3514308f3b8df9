// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

// The address slot of ERC-1967: keccak256("eip1967.proxy.implementation") - 1.
bytes32 constant IMPLEMENTATION_SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

/// A small SkillProfile with the interface of the deployed one, upgradeable by its owner (UUPS).
contract SkillProfile {
    struct Profile {
        string name;
        string bio;
        string ipfsHash;
        uint256 createdAt;
        uint256 updatedAt;
        bool exists;
    }

    address public owner;
    uint256 public totalProfiles;
    mapping(address => Profile) private profiles;

    event ProfileCreated(address indexed owner, string name, uint256 createdAt);
    event ProfileUpdated(address indexed owner, string name, uint256 updatedAt);
    event Upgraded(address indexed implementation);

    error AlreadyInitialized();
    error NotOwner();
    error ProfileExists();
    error NoProfile();
    error NotAnImplementation();

    function initialize(address firstOwner) external {
        if (owner != address(0)) revert AlreadyInitialized();
        owner = firstOwner;
    }

    function createProfile(string calldata name, string calldata bio, string calldata ipfsHash) external {
        if (profiles[msg.sender].exists) revert ProfileExists();
        profiles[msg.sender] = Profile(name, bio, ipfsHash, block.timestamp, block.timestamp, true);
        totalProfiles += 1;
        emit ProfileCreated(msg.sender, name, block.timestamp);
    }

    function updateProfile(string calldata name, string calldata bio, string calldata ipfsHash) external {
        Profile storage profile = profiles[msg.sender];
        if (!profile.exists) revert NoProfile();
        (profile.name, profile.bio, profile.ipfsHash) = (name, bio, ipfsHash);
        profile.updatedAt = block.timestamp;
        emit ProfileUpdated(msg.sender, name, block.timestamp);
    }

    function getProfile(address user)
        external
        view
        returns (
            string memory name,
            string memory bio,
            string memory ipfsHash,
            uint256 createdAt,
            uint256 updatedAt,
            bool exists
        )
    {
        Profile storage profile = profiles[user];
        return (
            profile.name, profile.bio, profile.ipfsHash, profile.createdAt, profile.updatedAt, profile.exists
        );
    }

    function proxiableUUID() external pure returns (bytes32) {
        return IMPLEMENTATION_SLOT;
    }

    function upgradeToAndCall(address implementation, bytes calldata call) external payable {
        if (msg.sender != owner) revert NotOwner();
        if (SkillProfile(implementation).proxiableUUID() != IMPLEMENTATION_SLOT) revert NotAnImplementation();
        assembly {
            sstore(IMPLEMENTATION_SLOT, implementation)
        }
        emit Upgraded(implementation);
        if (call.length > 0) {
            (bool done,) = implementation.delegatecall(call);
            require(done, "call after upgrade failed");
        }
    }
}
