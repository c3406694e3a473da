using System.Diagnostics;

namespace OrleansStream.Comparison.Processes;

/// <summary>What a process used of the machine for a while.</summary>
/// <param name="Cores">Its processor time, in cores that were busy all the while.</param>
/// <param name="WaitsPerSecond">How often its threads were woken (<see cref="ThreadSwitches.Waits"/>).</param>
/// <param name="SwitchesPerSecond">All its threads' context switches.</param>
internal readonly record struct ProcessUsage(double Cores, double WaitsPerSecond, double SwitchesPerSecond)
{
    /// <summary>Not known.</summary>
    public static readonly ProcessUsage Unknown = new(double.NaN, double.NaN, double.NaN);

    /// <summary>What that is for each of so many events a second.</summary>
    /// <param name="eventsPerSecond">The events.</param>
    public EventCost Per(double eventsPerSecond) =>
        new(1e6 * Cores / eventsPerSecond, WaitsPerSecond / eventsPerSecond, SwitchesPerSecond / eventsPerSecond);
}

/// <summary>What a process spends on one of many alike: a request, or as many records as a request has.</summary>
/// <param name="ProcessorUs">Processor time, in microseconds.</param>
/// <param name="Waits">Threads woken.</param>
/// <param name="Switches">Context switches, those of woken threads among them.</param>
internal readonly record struct EventCost(double ProcessorUs, double Waits, double Switches)
{
    /// <summary>What two processes spend together.</summary>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    public static EventCost operator +(EventCost one, EventCost other) =>
        new(one.ProcessorUs + other.ProcessorUs, one.Waits + other.Waits, one.Switches + other.Switches);
}

/// <summary>Watches what a process uses, from its making on.</summary>
internal sealed class UsageMeter
{
    private readonly Func<TimeSpan> _processorTime;
    private readonly int _processId;
    private readonly IReadOnlyDictionary<string, ThreadSwitches> _switchesBefore;
    private readonly TimeSpan _timeBefore;
    private readonly long _began;

    private UsageMeter(int processId, Func<TimeSpan> processorTime)
    {
        (_processId, _processorTime) = (processId, processorTime);
        _switchesBefore = ThreadSwitches.ByThread(processId);
        _timeBefore = processorTime();
        _began = Stopwatch.GetTimestamp();
    }

    /// <summary>Watches this process.</summary>
    public static UsageMeter OfDriver() => new(Environment.ProcessId, () => Environment.CpuUsage.TotalTime);

    /// <summary>Watches a process that the runner has started.</summary>
    /// <param name="process">The process.</param>
    public static UsageMeter Of(ChildProcess process) => new(process.Id, () => process.ProcessorTime);

    /// <summary>What it has used so far.</summary>
    public ProcessUsage Read()
    {
        var seconds = Stopwatch.GetElapsedTime(_began).TotalSeconds;
        var processor = _processorTime() - _timeBefore;
        var switches = ThreadSwitches.Between(_switchesBefore, ThreadSwitches.ByThread(_processId));
        return new ProcessUsage(processor.TotalSeconds / seconds, switches.Waits / seconds, switches.All / seconds);
    }
}
