using System.Diagnostics.Metrics;
using OrleansStream.Cluster;
using OrleansStream.Clustering;
using OrleansStream.Log.Resources;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Hosting;

/// <summary>Measures what this process's silo holds, what it asks of its account, and what a month like now costs.</summary>
/// <remarks>Read when somebody asks: it costs nothing on a record's way.</remarks>
internal sealed class SiloMeter : ISiloMeter, ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    /// <summary>A month as bills have it: 730 hours.</summary>
    public const double SecondsPerMonth = 730 * 3_600;

    private const double BytesPerGb = 1e9;
    private const double RequestsPerPrice = 10_000;

    private readonly OpenPartitions _open;
    private readonly BlobUsage? _requests;
    private readonly AzureBlobsStorageOptions _settings;
    private readonly LogResources _resources;
    private readonly Meter _meter = new(PartitionInstruments.MeterName);

    /// <summary>Makes the meter and its instruments.</summary>
    /// <param name="open">The partitions that the silo leads.</param>
    /// <param name="requests">What it asks of its account; null for other storage.</param>
    /// <param name="settings">The account's settings.</param>
    /// <param name="resources">What its logs share.</param>
    public SiloMeter(OpenPartitions open, BlobUsage? requests, AzureBlobsStorageOptions settings, LogResources resources)
    {
        (_open, _requests, _settings, _resources) = (open, requests, settings, resources);
        _meter.CreateObservableGauge("orleansstream.storage.size", () => _open.StoredBytes, "By", "Bytes of the segments that this silo leads, with those not freed yet.");
        if (requests is null)
            return;
        _meter.CreateObservableCounter("orleansstream.storage.appends", () => requests.Total.Appends, "{request}", "Appends to segments.");
        _meter.CreateObservableCounter("orleansstream.storage.writes", () => requests.Total.Writes, "{request}", "Requests that are billed as writes, appends among them.");
        _meter.CreateObservableCounter("orleansstream.storage.reads", () => requests.Total.Reads, "{request}", "Requests that are billed as reads.");
        _meter.CreateObservableGauge("orleansstream.storage.appends.waiting", () => resources.Appends?.WaitingCount ?? 0, "{partition}", "Partitions whose next append waits for its turn.");
        _meter.CreateObservableGauge("orleansstream.storage.month.cost", () => Read().Storage!.MonthCost, null, "What a month like the last minute costs, at the unit prices of the settings.");
    }

    /// <inheritdoc/>
    public SiloUsage Read()
    {
        var storedBytes = _open.StoredBytes;
        return new SiloUsage(_open.Count, storedBytes, _requests is null ? null : ReadStorage(_requests.PerSecond, storedBytes));
    }

    /// <summary>Does nothing: as a part of the silo's life the meter is made with it, and its instruments are there before anybody asks.</summary>
    /// <param name="lifecycle">The silo's.</param>
    public void Participate(ISiloLifecycle lifecycle)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private StorageUsage ReadStorage(BlobRequestRates rates, long storedBytes) => new(
        rates.Appends, _settings.AppendsPerSecondMax, _resources.Appends?.WaitingCount ?? 0, rates.Writes, rates.Reads,
        MonthCost(_settings.Prices, rates, storedBytes));

    /// <summary>What a month costs in which each second is like this one.</summary>
    /// <param name="prices">The unit prices.</param>
    /// <param name="rates">The requests a second.</param>
    /// <param name="storedBytes">The bytes that are kept.</param>
    internal static double MonthCost(BlobPrices prices, BlobRequestRates rates, long storedBytes) =>
        (SecondsPerMonth / RequestsPerPrice * ((rates.Writes * prices.WritesPer10000) + (rates.Reads * prices.ReadsPer10000)))
        + (storedBytes / BytesPerGb * prices.GbMonth);
}
