using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Instrumentation;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Partitions;

/// <summary>The series of the partitions that a silo leads are bounded, and deleted topics use none of them up.</summary>
public sealed class PartitionInstrumentsTests : IDisposable
{
    private readonly LogRig _rig = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    [Fact]
    public async Task Series_WithoutAPartition_MakesRoomWhenThereAreTooMany()
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        using var instruments = new PartitionInstruments(new LogResources(_rig.Time), meters: meters) { SeriesMax = 2 };
        var (first, second, third) = (await OpenAsync("a/0"), await OpenAsync("b/0"), await OpenAsync("c/0"));
        instruments.Add("a", 0, first);
        instruments.Add("b", 0, second);
        instruments.Remove(first, LogEnd.Closed);
        // It stays while there is room.
        Assert.Equal(["a", "b"], Told());

        instruments.Add("c", 0, third);
        Assert.Equal(["b", "c"], Told());
        // Both have a partition, so neither makes room, and further topics are counted together.
        instruments.Add("d", 0, first);
        Assert.Equal([TelemetryLimits.OtherTopics, "b", "c"], Told());
        foreach (var log in (PartitionLog[])[first, second, third])
            await _rig.CloseAsync(log);

        string[] Told()
        {
            List<string> topics = [];
            using var listener = new MeterListener();
            listener.InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Name == "orleansstream.topic.records.in")
                    listener.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((_, _, tags, _) => topics.Add((string)tags[0].Value!));
            listener.Start();
            listener.RecordObservableInstruments();
            return [.. topics.Order(StringComparer.Ordinal)];
        }
    }

    public void Dispose() => _services.Dispose();

    private Task<PartitionLog> OpenAsync(string name) => _rig.RunAsync(
        PartitionLog.OpenAsync(name, "owner", _rig.Options, _rig.StoredSegments, _rig.StoredDocuments, _rig.Time).AsTask());
}
