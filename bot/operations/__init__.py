"""What a step can do to the platform; this is the vocabulary of runbooks."""

from bot.operations.backing_up import PlaceFacts, look_up_database_to_back_up, look_up_places
from bot.operations.comparing import CompareBackup
from bot.operations.dumping import DumpDatabase, RemoveUnfinished
from bot.operations.looking import DatabaseFacts, look_up_database
from bot.operations.publishing import CheckPublished, PublishBackup, RetractBackup, told_backup
from bot.operations.uploading import RemoveObjects, UploadBackup

__all__ = [
    "CheckPublished",
    "CompareBackup",
    "DatabaseFacts",
    "DumpDatabase",
    "PlaceFacts",
    "PublishBackup",
    "RemoveObjects",
    "RemoveUnfinished",
    "RetractBackup",
    "UploadBackup",
    "look_up_database",
    "look_up_database_to_back_up",
    "look_up_places",
    "told_backup",
]
