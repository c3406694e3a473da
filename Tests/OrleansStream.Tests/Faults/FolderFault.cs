namespace OrleansStream.Tests.Faults;

/// <summary>What can befall a process that owns a data folder, and the folder.</summary>
internal enum FolderFault
{
    /// <summary>SIGKILL.</summary>
    Kill,

    /// <summary>SIGSTOP for a while.</summary>
    Hang,

    /// <summary>Syncs fail.</summary>
    FailedSync,

    /// <summary>Writes and syncs lag.</summary>
    SlowDisk,

    /// <summary>The volume is full.</summary>
    FullDisk,

    /// <summary>The clock jumps ahead.</summary>
    ClockAhead,

    /// <summary>The clock jumps back.</summary>
    ClockBack,

    /// <summary>It is killed, and behind what was durable lies what a torn write leaves.</summary>
    TornTail,

    /// <summary>It is killed, and a bit of a closed segment has flipped; later the segment comes back from a backup.</summary>
    FlippedBit,
}
