using System.Globalization;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Reporting;

/// <summary>What a figure is held against.</summary>
/// <param name="Bound">The bound; NaN for none.</param>
/// <param name="IsFloor">True when the figure must reach it, false when it must stay within it.</param>
internal readonly record struct Target(double Bound, bool IsFloor)
{
    /// <summary>Nothing: the figure is told for what it is.</summary>
    public static readonly Target None = new(double.NaN, IsFloor: true);

    /// <summary>At least so much.</summary>
    /// <param name="bound">The bound.</param>
    public static Target AtLeast(double bound) => new(bound, IsFloor: true);

    /// <summary>At most so much.</summary>
    /// <param name="bound">The bound.</param>
    public static Target AtMost(double bound) => new(bound, IsFloor: false);

    /// <summary>Whether a value meets it; null when there is none.</summary>
    /// <param name="value">The value.</param>
    public bool? IsMetBy(double value) => double.IsNaN(Bound) ? null : IsFloor ? value >= Bound : value <= Bound;
}

/// <summary>One line of the page: what we do, beside what it is compared with.</summary>
/// <param name="Path">The path through the service.</param>
/// <param name="Unit">The unit of both values.</param>
/// <param name="Ours">The service's value: the median of the rounds.</param>
/// <param name="Against">What it is compared with; empty when the value stands alone.</param>
/// <param name="Theirs">Its value; NaN when the value stands alone.</param>
/// <param name="Target">What the ratio, or the value that stands alone, is held against.</param>
internal sealed record Figure(string Path, string Unit, double Ours, string Against, double Theirs, Target Target)
{
    /// <summary>More of what was seen, for the reader.</summary>
    public string Note { get; init; } = "";

    /// <summary>What our process spends on a request; null when that says nothing.</summary>
    public EventCost? OurCost { get; init; }

    /// <summary>What the other one spends on as many records; null when that is not known.</summary>
    public EventCost? TheirCost { get; init; }

    /// <summary>True when two values are compared.</summary>
    public bool IsRatio => !double.IsNaN(Theirs);

    /// <summary>Ours over theirs, or ours alone.</summary>
    public double Value => IsRatio ? Ours / Theirs : Ours;

    /// <summary>Whether the target is met; null when there is none.</summary>
    public bool? IsMet => Target.IsMetBy(Value);

    /// <summary>A value that stands alone.</summary>
    /// <param name="path">The path through the service.</param>
    /// <param name="unit">The value's unit.</param>
    /// <param name="value">The value.</param>
    /// <param name="target">What it is held against.</param>
    public static Figure Alone(string path, string unit, double value, Target target) => new(path, unit, value, "", double.NaN, target);

    /// <summary>The same figure, with what a request costs beside it.</summary>
    /// <param name="ours">What our process did.</param>
    /// <param name="theirs">What the other one did; null when there is none, or no process of its own.</param>
    public Figure Costing(LoadResult ours, LoadResult? theirs = null) => this with
    {
        OurCost = Known(ours.DrivenCost(ours.RecordsPerRequest)),
        TheirCost = theirs is null ? null : Known(theirs.DrivenCost(ours.RecordsPerRequest)),
    };

    private static EventCost? Known(EventCost cost) => double.IsNaN(cost.ProcessorUs) ? null : cost;

    /// <summary>A number with three or four digits that count.</summary>
    /// <param name="value">The number.</param>
    public static string Show(double value) => double.IsNaN(value) ? "" : value switch
    {
        >= 10_000_000 => (value / 1e6).ToString("0 M", CultureInfo.InvariantCulture),
        >= 1_000_000 => (value / 1e6).ToString("0.00 M", CultureInfo.InvariantCulture),
        >= 10_000 => (value / 1e3).ToString("0 k", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    /// <summary>The target as people write it.</summary>
    public string TargetText => double.IsNaN(Target.Bound)
        ? ""
        : $"{(Target.IsFloor ? "≥" : "≤")} {Target.Bound.ToString("0.##", CultureInfo.InvariantCulture)}{(IsRatio ? "×" : " " + Unit)}";
}
