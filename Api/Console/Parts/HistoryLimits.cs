namespace OrleansStream.WebConsole.Parts;

/// <summary>Bounds of what a browser's tab keeps for its plots.</summary>
public static class HistoryLimits
{
    /// <summary>The most points of a line; the oldest go.</summary>
    public const int PointsMax = 150;

    /// <summary>The most lines; the one that was added to least lately goes.</summary>
    public const int LinesMax = 100;
}
