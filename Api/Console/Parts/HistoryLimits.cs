namespace OrleansStream.WebConsole.Parts;

/// <summary>Bounds of what a browser's tab keeps for its plots.</summary>
public static class HistoryLimits
{
    /// <summary>The most points of a line; the oldest go.</summary>
    public const int PointsMax = 150;

    /// <summary>The longest time between two points that a line joins: a browser asks once a minute for a page that nobody sees.</summary>
    public static readonly TimeSpan JoinedMax = TimeSpan.FromSeconds(90);

    /// <summary>The most lines; the one that was added to least lately goes.</summary>
    public const int LinesMax = 100;

    /// <summary>
    /// The most lines of one page, so that a page whose lines change does not push out those of others. A group's plot has 12 at once: each line in
    /// records and in seconds.
    /// </summary>
    public const int LinesOfPageMax = 24;
}
