using OrleansStream.Contracts;
using OrleansStream.WebConsole.Parts;

namespace OrleansStream.WebConsole.Groups;

/// <summary>
/// The lines of a group's plot: its total, and some partitions. These are the ones that lag most, or those that the user has chosen; never more than
/// <see cref="LagPlotLimits.PartitionsMax"/>.
/// </summary>
/// <param name="history">Keeps the points, in records and in seconds, so that the plot can change between both.</param>
/// <param name="group">The group's name.</param>
public sealed class LagLines(History history, string group)
{
    private readonly string _page = $"group {group}";
    private List<(string Topic, int Partition)> _plotted = [];

    /// <summary>True to plot how many seconds the group is behind, by the oldest record that waits; false to plot how many records wait.</summary>
    public bool IsInSeconds { get; set; }

    /// <summary>True while the plot has a line for the whole group: the sum of records, or the most seconds.</summary>
    public bool HasTotal { get; set; } = true;

    /// <summary>True while the user's choice of partitions is plotted; false for those that lag most.</summary>
    public bool IsChosen { get; private set; }

    /// <summary>True when no further partition can be plotted.</summary>
    public bool IsFull => _plotted.Count >= LagPlotLimits.PartitionsMax;

    /// <summary>The lines as they are now: the whole group's first, then the partitions by topic and number.</summary>
    public IReadOnlyList<PlotSeries> Series =>
    [
        .. HasTotal ? [new PlotSeries("whole group", history.Find(_page, NameOf(IsInSeconds)))] : Array.Empty<PlotSeries>(),
        .. _plotted.Select(one => new PlotSeries($"{one.Topic} {one.Partition}", history.Find(_page, NameOf(IsInSeconds, one)))),
    ];

    /// <summary>Adds a point to each line.</summary>
    /// <param name="lag">The group's lag now. Where a partition's is not known just now, its line gets no point.</param>
    public void Add(LagAnswer lag)
    {
        ArgumentNullException.ThrowIfNull(lag);
        if (IsChosen)
            _plotted.RemoveAll(one => !lag.Partitions.Any(partition => KeyOf(partition) == one));
        else
            _plotted = Largest(lag);
        history.Add(_page,
        [
            (NameOf(isInSeconds: false), lag.Lag),
            (NameOf(isInSeconds: true), lag.LagSeconds),
            .. lag.Partitions.Where(IsPlotted).SelectMany(PointsOf),
        ]);
    }

    /// <summary>Whether a partition has a line.</summary>
    /// <param name="partition">One of the group's partitions.</param>
    public bool IsPlotted(PartitionLag partition) => _plotted.Contains(KeyOf(partition));

    /// <summary>Gives a partition a line, or takes its line away. From then on the lines are the user's choice.</summary>
    /// <param name="partition">One of the group's partitions; its first point comes with the next lag.</param>
    public void Toggle(PartitionLag partition)
    {
        var key = KeyOf(partition);
        if (!_plotted.Remove(key) && !IsFull)
            _plotted.Add(key);
        _plotted.Sort();
        IsChosen = true;
    }

    /// <summary>Plots those that lag most again, in place of the user's choice.</summary>
    /// <param name="lag">The group's lag now.</param>
    public void ChooseLargest(LagAnswer lag)
    {
        ArgumentNullException.ThrowIfNull(lag);
        IsChosen = false;
        _plotted = Largest(lag);
    }

    private IEnumerable<(string Line, double Value)> PointsOf(PartitionLag partition)
    {
        if (partition.Lag is { } records)
            yield return (NameOf(isInSeconds: false, KeyOf(partition)), records);
        // Where no record waits there is none whose age could be told.
        if ((partition.Lag == 0 ? 0 : partition.LagSeconds) is { } seconds)
            yield return (NameOf(isInSeconds: true, KeyOf(partition)), seconds);
    }

    // Of equal ones those stay that are plotted already: one sees them come down to nothing.
    private List<(string Topic, int Partition)> Largest(LagAnswer lag) =>
    [
        .. lag.Partitions.OrderByDescending(one => one.Lag ?? 0).ThenByDescending(IsPlotted)
            .Take(LagPlotLimits.PartitionsMax).Select(KeyOf).Order(),
    ];

    private static (string Topic, int Partition) KeyOf(PartitionLag partition) => (partition.Topic, partition.Partition);

    private static string NameOf(bool isInSeconds, (string Topic, int Partition)? partition = null) =>
        $"{(isInSeconds ? "lag-seconds" : "lag")}{(partition is var (topic, number) ? $" {topic}/{number}" : "")}";
}
