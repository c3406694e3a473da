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
}
