using System.Diagnostics.Metrics;
using OrleansStream.Cluster;
using OrleansStream.Clustering;
using OrleansStream.Instrumentation;
using OrleansStream.Log.Resources;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Hosting;

/// <summary>Measures the bytes that this process's silo stores, its requests to its account, and what a month at this rate costs.</summary>
/// <remarks>Values are computed only when they are read, so records cost nothing extra.</remarks>
internal sealed class SiloMeter : ISiloMeter, ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    /// <summary>A month as bills count it: 730 hours.</summary>
    public const double SecondsPerMonth = 730 * 3_600;

    private const double BytesPerGb = 1e9;
    private const double RequestsPerPrice = 10_000;

    private static readonly string Version = ProgramVersion.Of(typeof(SiloMeter).Assembly);

    private readonly OpenPartitions _open;
    private readonly DateTimeOffset _startedAt;
    private readonly BlobUsage? _requests;
    private readonly AzureBlobsStorageOptions _settings;
    private readonly LogResources _resources;
    private readonly Meter _meter;

    /// <summary>Creates the meter and its instruments.</summary>
    /// <param name="open">The partitions that the silo leads.</param>
    /// <param name="requests">Counts the requests to the account; null for other storage.</param>
    /// <param name="settings">The account's settings.</param>
    /// <param name="resources">The resources that the silo's logs share.</param>
    /// <param name="time">Dates the start.</param>
    /// <param name="meters">Makes the meter.</param>
    public SiloMeter(
        OpenPartitions open, BlobUsage? requests, AzureBlobsStorageOptions settings, LogResources resources, TimeProvider time,
        IMeterFactory? meters = null)
    {
        _startedAt = time.GetUtcNow();
        _meter = StreamTelemetry.MeterOf(meters);
        (_open, _requests, _settings, _resources) = (open, requests, settings, resources);
        _meter.CreateObservableGauge("orleansstream.storage.size", () => _open.StoredBytes, "By",
            "Bytes of the segments that this silo leads, with those not freed yet.");
        if (requests is null)
            return;
        _meter.CreateObservableCounter("orleansstream.storage.appends", () => requests.Total.Appends, "{request}", "Appends to segments.");
        _meter.CreateObservableCounter("orleansstream.storage.writes", () => requests.Total.Writes, "{request}",
            "Requests that are billed as writes, appends among them.");
        _meter.CreateObservableCounter("orleansstream.storage.reads", () => requests.Total.Reads, "{request}", "Requests that are billed as reads.");
        _meter.CreateObservableGauge("orleansstream.storage.appends.waiting", () => resources.Appends?.WaitingCount ?? 0, "{partition}",
            "Partitions whose next append waits for its turn.");
        _meter.CreateObservableGauge("orleansstream.storage.month.cost", () => Read().Storage!.MonthCost, null,
            "What a month like the last minute costs, at the unit prices of the settings.");
    }

    /// <inheritdoc/>
    public SiloUsage Read()
    {
        var storedBytes = _open.StoredBytes;
        var (flowIn, flowOut) = _open.ReadFlows();
        return new SiloUsage(
            _open.Count, storedBytes, _requests is null ? null : ReadStorage(_requests.PerSecond, storedBytes), flowIn, flowOut, Version, _startedAt,
            _open.MovingCount);
    }

    /// <summary>
    /// Does nothing. As a participant of the silo's lifecycle the meter is created with the silo, so its instruments exist from the start.
    /// </summary>
    /// <param name="lifecycle">The silo's lifecycle.</param>
    public void Participate(ISiloLifecycle lifecycle)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private StorageUsage ReadStorage(BlobRequestRates rates, long storedBytes) => new(
        rates.Appends, _settings.AppendsPerSecondMax, _resources.Appends?.WaitingCount ?? 0, rates.Writes, rates.Reads,
        MonthCost(_settings.Prices, rates, storedBytes));

    /// <summary>Computes the cost of a month in which each second has these requests.</summary>
    /// <param name="prices">The unit prices.</param>
    /// <param name="rates">The requests a second.</param>
    /// <param name="storedBytes">The stored bytes.</param>
    internal static double MonthCost(BlobPrices prices, BlobRequestRates rates, long storedBytes) =>
        (SecondsPerMonth / RequestsPerPrice * ((rates.Writes * prices.WritesPer10000) + (rates.Reads * prices.ReadsPer10000)))
        + (storedBytes / BytesPerGb * prices.GbMonth);
}
