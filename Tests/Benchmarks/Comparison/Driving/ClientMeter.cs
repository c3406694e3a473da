using System.Diagnostics;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>What a client in this process does, uses and allocates, from its making on.</summary>
internal sealed class ClientMeter
{
    private readonly UsageMeter _driver = UsageMeter.OfDriver();
    private readonly UsageMeter _driven;
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly long _allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);

    /// <summary>Begins.</summary>
    /// <param name="service">What the client drives.</param>
    public ClientMeter(Service service) => _driven = UsageMeter.Of(service.Process);

    /// <summary>Reads it.</summary>
    /// <param name="records">The records since the making.</param>
    /// <param name="requests">The requests; NaN when they are not known.</param>
    /// <param name="valueBytes">The length of each record's value.</param>
    /// <returns>The result. What is allocated is this process's managed memory: what a library in C allocates is not in it.</returns>
    public LoadResult Read(long records, double requests, int valueBytes)
    {
        var seconds = Stopwatch.GetElapsedTime(_began).TotalSeconds;
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - _allocatedBefore;
        return new LoadResult(records / seconds, records * valueBytes / seconds, double.NaN, double.NaN, records)
        {
            RequestsPerSecond = requests / seconds,
            Driver = _driver.Read(),
            Driven = _driven.Read(),
            AllocatedBytesPerRecord = (double)allocated / records,
        };
    }
}
