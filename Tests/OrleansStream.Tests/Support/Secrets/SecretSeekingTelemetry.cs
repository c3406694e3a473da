using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansStream.Tests.Support.Secrets;

/// <summary>Has traces and metrics of the services in this process looked at, for as long as it is not disposed.</summary>
internal sealed class SecretSeekingTelemetry : IDisposable
{
    /// <summary>The kind of text.</summary>
    public const string Traces = "trace", Metrics = "metric";

    private static readonly string[] Sources = ["OrleansStream", "Microsoft.AspNetCore", "Microsoft.Orleans", "Orleans"];

    private readonly SecretFinder _finder;
    private readonly ActivityListener _traces;
    private readonly MeterListener _metrics = new();

    /// <summary>Starts to listen.</summary>
    /// <param name="finder">Looks at what comes.</param>
    public SecretSeekingTelemetry(SecretFinder finder)
    {
        _finder = finder;
        _traces = new ActivityListener
        {
            ShouldListenTo = source => IsOfAService(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = See,
        };
        ActivitySource.AddActivityListener(_traces);
        _metrics.InstrumentPublished = (instrument, listener) =>
        {
            if (IsOfAService(instrument.Meter.Name))
                listener.EnableMeasurementEvents(instrument);
        };
        _metrics.SetMeasurementEventCallback<long>((instrument, _, tags, _) => See(instrument, tags));
        _metrics.SetMeasurementEventCallback<int>((instrument, _, tags, _) => See(instrument, tags));
        _metrics.SetMeasurementEventCallback<double>((instrument, _, tags, _) => See(instrument, tags));
        _metrics.Start();
    }

    public void Dispose()
    {
        _metrics.RecordObservableInstruments();
        _metrics.Dispose();
        _traces.Dispose();
    }

    private static bool IsOfAService(string name) => Array.Exists(Sources, source => name.StartsWith(source, StringComparison.Ordinal));

    private void See(Activity activity)
    {
        _finder.See(Traces, activity.DisplayName);
        foreach (var (name, value) in activity.TagObjects.Concat(activity.Events.SelectMany(one => one.Tags)))
            _finder.See(Traces, $"{name}={value}");
        foreach (var (name, value) in activity.Baggage)
            _finder.See(Traces, $"{name}={value}");
    }

    private void See(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var (name, value) in tags)
            _finder.See(Metrics, $"{instrument.Name} {name}={value}");
    }
}
