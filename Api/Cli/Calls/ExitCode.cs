namespace OrleansStream.Cli.Calls;

/// <summary>What a run tells the shell.</summary>
internal static class ExitCode
{
    /// <summary>All is done.</summary>
    public const int Success = 0;

    /// <summary>It failed, and no other code says why.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong, or the service refuses a value of it; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>There is no such topic, partition, group, key, right, profile or file.</summary>
    public const int NotFound = 3;

    /// <summary>The caller has not signed in, or lacks a right.</summary>
    public const int Denied = 4;

    /// <summary>The service does not answer, or asks to come again later.</summary>
    public const int Unavailable = 5;

    /// <summary>What is there stands against it: a topic of that name is otherwise, a group has members.</summary>
    public const int Conflict = 6;

    /// <summary>A part is done: of an input some records are stored, and standard error says which line is the first that is not.</summary>
    public const int Partial = 7;

    /// <summary>The codes for people, as help shows them.</summary>
    public const string Table = """
        Exit codes:
          0    done; also when there was nothing to read
          1    failed
          2    the command line is wrong, or the service refuses a value of it; nothing was done
          3    there is no such topic, partition, group, key, right, profile or file
          4    not signed in, or without the right
          5    the service does not answer, or asks to come again later
          6    what is there stands against it: the topic exists otherwise, the group has members
          7    a part is done: some records of the input are stored, and standard error says which line is the first that is not
          130  ended by Ctrl-C; 143 by SIGTERM
        """;

    /// <summary>Ctrl-C ended it.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM ended it.</summary>
    public const int Terminated = 143;
}
