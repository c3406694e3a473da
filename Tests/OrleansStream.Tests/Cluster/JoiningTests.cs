using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Cluster;

/// <summary>A silo whose clock is far ahead hinders no other from joining.</summary>
public sealed class JoiningTests : IAsyncLifetime
{
    private static readonly TimeSpan Ahead = TimeSpan.FromMinutes(10);

    private readonly ClusterFixture _cluster;
    private int _silos;

    public JoiningTests() => _cluster = new ClusterFixture { ConfigureSilo = SetAhead };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    // An evicted silo ends its process at once, and here that is the tests': without the setting the run breaks off.
    [Fact]
    public async Task Join_WhenAnothersClockIsAhead_Succeeds()
    {
        await _cluster.Cluster.StartAdditionalSiloAsync();

        var status = _cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<ISiloStatusOracle>();
        await Wait.UntilAsync("the others see it", () => Task.FromResult(status.GetApproximateSiloStatuses(onlyActive: true).Count == 3));
        var topic = await _cluster.CreateAsync(partitionCount: 6);
        var leaders = new HashSet<string>();
        for (var partition = 0; partition < 6; partition++)
            leaders.Add((await _cluster.Partition(topic, partition).DescribeAsync()).Leader);
        Assert.Equal(3, leaders.Count);
    }

    // The first one is.
    private void SetAhead(ISiloBuilder silo)
    {
        if (Interlocked.Increment(ref _silos) == 1)
            silo.Services.AddSingleton<TimeProvider>(new AheadTimeProvider());
    }

    private sealed class AheadTimeProvider : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;
    }
}
