"""What a step can do to the platform; this is the vocabulary of runbooks."""

from bot.domain.targets import Verb
from bot.operations.acting import ActOnService, CheckService, ServiceLookUp, look_up_service
from bot.operations.archiving import BackUpCluster, NoteProof, VerifyRepository
from bot.operations.backing_up import PlaceFacts, Wishes, look_up_database_to_back_up, look_up_places
from bot.operations.backup_telling import (
    backup_choices,
    told_expiry,
    told_instant,
    told_proof,
    told_room,
    told_verify,
)
from bot.operations.comparing import CompareBackup
from bot.operations.dumping import DumpDatabase, RemoveUnfinished
from bot.operations.expiring import DeleteExpired, ExpiryLookUp, look_up_expired
from bot.operations.fetching import fetch_steps
from bot.operations.keeping import DropKeptCopy, KeptCopy, look_up_expired_copies
from bot.operations.latest import PointLatest
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.owning import must_own_retention
from bot.operations.proof_places import PROOF_CLAIM, ProofLookUp, look_up_proof
from bot.operations.properties import CheckProperties, CopyProperties
from bot.operations.proving import ProveBackup
from bot.operations.publishing import CheckPublished, PublishBackup, RetractBackup, told_backup
from bot.operations.reaching import (
    ClusterLookUp,
    RecoveryLookUp,
    look_up_cluster_backup,
    look_up_recovery,
    told_cluster_backup,
)
from bot.operations.recovering import CompareWithNow, Point, RecoverCluster, RemoveRecovered, TakeOut, told_recovery
from bot.operations.replacing import (
    RestoreLookUp,
    UndoLookUp,
    bound_backup,
    bound_to,
    look_up_restore,
    look_up_undo,
    restore_choices,
    shown_of,
    shown_of_backup,
    swap_steps,
    told_restore,
    told_swap,
    warnings_of,
    warnings_of_backup,
)
from bot.operations.restoring import CompareRestored, DropRestored, LoadBackup, aside_name, restored_name
from bot.operations.setting_aside import (
    AsideLookUp,
    BringBack,
    DeleteLookUp,
    MoveAside,
    look_up_aside,
    look_up_delete,
)
from bot.operations.swapping import SwapDatabases
from bot.operations.uploading import upload_steps
from bot.operations.verifying import CompareOffsite, ReadBackup, VerifyLookUp, backup_claim, look_up_verify
from bot.operations.witnessing import CompareRecovered, Witness

__all__ = [
    "PROOF_CLAIM",
    "ActOnService",
    "AsideLookUp",
    "BackUpCluster",
    "BringBack",
    "CheckProperties",
    "CheckPublished",
    "CheckService",
    "ClusterLookUp",
    "CompareBackup",
    "CompareOffsite",
    "CompareRecovered",
    "CompareRestored",
    "CompareWithNow",
    "CopyProperties",
    "DatabaseFacts",
    "DeleteExpired",
    "DeleteLookUp",
    "DropKeptCopy",
    "DropRestored",
    "DumpDatabase",
    "ExpiryLookUp",
    "KeptCopy",
    "LoadBackup",
    "MoveAside",
    "NoteProof",
    "PlaceFacts",
    "Point",
    "PointLatest",
    "ProofLookUp",
    "ProveBackup",
    "PublishBackup",
    "ReadBackup",
    "RecoverCluster",
    "RecoveryLookUp",
    "RemoveRecovered",
    "RemoveUnfinished",
    "RestoreLookUp",
    "RetractBackup",
    "ServiceLookUp",
    "SwapDatabases",
    "TakeOut",
    "UndoLookUp",
    "Verb",
    "VerifyLookUp",
    "VerifyRepository",
    "Wishes",
    "Witness",
    "aside_name",
    "backup_choices",
    "backup_claim",
    "bound_backup",
    "bound_to",
    "fetch_steps",
    "look_up_aside",
    "look_up_cluster_backup",
    "look_up_database",
    "look_up_database_to_back_up",
    "look_up_delete",
    "look_up_expired",
    "look_up_expired_copies",
    "look_up_places",
    "look_up_proof",
    "look_up_recovery",
    "look_up_restore",
    "look_up_service",
    "look_up_undo",
    "look_up_verify",
    "must_own_retention",
    "restore_choices",
    "restored_name",
    "shown_of",
    "shown_of_backup",
    "swap_steps",
    "told_backup",
    "told_cluster_backup",
    "told_expiry",
    "told_instant",
    "told_proof",
    "told_recovery",
    "told_restore",
    "told_room",
    "told_swap",
    "told_verify",
    "upload_steps",
    "warnings_of",
    "warnings_of_backup",
]
