namespace OrleansStream.WebConsole.Groups;

/// <summary>Bounds of a group's plot.</summary>
public static class LagPlotLimits
{
    /// <summary>The most partitions that have a line of their own. More lines, each with its colour and dashes, could not be told apart.</summary>
    public const int PartitionsMax = 5;
}
