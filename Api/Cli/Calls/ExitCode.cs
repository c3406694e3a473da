namespace OrleansStream.Cli.Calls;

/// <summary>What a run tells the shell.</summary>
internal static class ExitCode
{
    /// <summary>All is done.</summary>
    public const int Success = 0;

    /// <summary>It failed, and no other code says why.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>There is no such topic, group, key or right.</summary>
    public const int NotFound = 3;

    /// <summary>The caller has not signed in, or lacks a right.</summary>
    public const int Denied = 4;

    /// <summary>The service does not answer, or asks to come again later.</summary>
    public const int Unavailable = 5;

    /// <summary>What is there stands against it: a topic of that name is otherwise, a group has members.</summary>
    public const int Conflict = 6;

    /// <summary>Ctrl-C ended it.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM ended it.</summary>
    public const int Terminated = 143;
}
