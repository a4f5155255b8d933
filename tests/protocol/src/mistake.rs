//! Protocols that are wrong in one place. Each must break a property, or the model would not show that
//! the place matters.

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mistake {
    // Publishing.
    DecisionIsNotLookedFor,
    IntentIsPutOverAnother,
    LateIntentIsCarriedOut,
    CommitIsPutWhateverIsThere,
    TransactionIsNotLookedAt,
    ReleaseComesBeforeItsTables,
    IntentGoesBeforeTheRelease,
    ShelfIsNotLookedAtAgain,
    OwnFilesAreSwept,
    FilesOfEarlierNumbersAreSwept,
    // Erasures and their purge.
    StragglerKeepsItsFiles,
    OrderIsPutAfterTheRelease,
    OrderIsDroppedFirst,
    OrdersAreNotLookedAt,
    OrderOfAnotherIsCarriedOut,
    PurgeDoesNotLookAtTheLock,
    PurgeListsAfterItsLook,
    PurgeDeletesFilesFirst,
    PurgeDeletesTheWholeJournal,
    PurgeDeletesTheWholeLog,
    PurgeDeletesNewerShelves,
    LogGoesBeforeItsCheckpoint,
    CheckpointIsNotTakenBack,
    ShelvesGoBeforeFiles,
    // Vacuum and backup.
    VacuumPublishesNothing,
    VacuumDoesNotLookAtTheLock,
    VacuumDeletesFilesFirst,
    VacuumDeletesReleasesAfterItsLook,
    VacuumKeepsFilesOfTheLastAlone,
    BackupSkipsWhatIsGone,
    BackupDoesNotLookAtItsReleaseAgain,
}
