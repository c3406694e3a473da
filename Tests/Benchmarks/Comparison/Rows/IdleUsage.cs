using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What a service uses while nobody asks it for anything.</summary>
/// <param name="Usage">Its processor time and its threads' switches.</param>
/// <param name="Bytes">The memory that it holds at the end.</param>
internal readonly record struct IdleUsage(ProcessUsage Usage, long Bytes)
{
    /// <summary>Its processor time, in percent of a core.</summary>
    public double Percent => 100 * Usage.Cores;

    /// <summary>Its memory, in MB.</summary>
    public double Megabytes => Bytes / 1e6;

    /// <summary>Watches a service after what ran lately has been compiled: that is not what idle costs.</summary>
    /// <param name="service">The service.</param>
    /// <param name="context">How long.</param>
    public static async Task<IdleUsage> MeasureAsync(Service service, RunContext context)
    {
        await Task.Delay(TimeSpan.FromSeconds(context.IsQuick ? 20 : 30), TimeProvider.System);
        return await MeasureAsync(service, TimeSpan.FromSeconds(context.IsQuick ? 12 : 60));
    }

    /// <summary>Watches a service from now on.</summary>
    /// <param name="service">The service.</param>
    /// <param name="time">How long.</param>
    public static async Task<IdleUsage> MeasureAsync(Service service, TimeSpan time)
    {
        var meter = UsageMeter.Of(service.Process);
        await Task.Delay(time, TimeProvider.System);
        return new IdleUsage(meter.Read(), service.Process.ResidentBytes);
    }

    /// <summary>Its processor time and switches as figures.</summary>
    /// <param name="what">What idles.</param>
    public IEnumerable<Figure> Figures(string what) =>
    [
        Figure.Alone($"{what}: processor", "% of a core", Percent, Target.AtMost(1)),
        Figure.Alone($"{what}: context switches", "a second", Usage.SwitchesPerSecond, Target.AtMost(200)) with
        {
            Note = $"({Figure.Show(Usage.WaitsPerSecond)} threads woken)",
        },
    ];
}
