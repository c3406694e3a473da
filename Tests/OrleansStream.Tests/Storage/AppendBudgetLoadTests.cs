using System.Collections.Concurrent;
using System.Globalization;
using OrleansStream.Hosting;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Tests.Infra;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

/// <summary>Two hundred busy partitions on an account, under a budget of appends: on demand, as it takes a minute and a half.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AppendBudgetLoadTests(AzuriteFixture azurite, ITestOutputHelper output)
{
    private const int PartitionCount = 200;
    private const int Budget = 30;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Append_OfManyBusyPartitions_KeepsTheBudgetAndGivesEachItsTurn()
    {
        OnDemand.Require(OnDemand.LoadTests);
        var stop = TestContext.Current.CancellationToken;
        var container = await AzureTestContainer.OpenAsync(azurite, name: "budget");
        using var budget = new AppendBudget(Budget, TimeProvider.System);
        var resources = new LogResources(TimeProvider.System, appends: budget);
        var logs = await Task.WhenAll(Enumerable.Range(0, PartitionCount).Select(partition => PartitionLog.OpenAsync(
            $"{Guid.NewGuid():N}/{partition}", "owner", new LogOptions(), container.Segments, container.Documents, TimeProvider.System, resources, stop).AsTask()));

        var began = TimeProvider.System.GetTimestamp();
        var samples = new ConcurrentQueue<(TimeSpan At, long Appends)>();
        var appendsBefore = container.Usage.Total.Appends;
        await using var sampler = TimeProvider.System.CreateTimer(
            _ => samples.Enqueue((TimeProvider.System.GetElapsedTime(began), container.Usage.Total.Appends)), null, TimeSpan.Zero,
            TimeSpan.FromMilliseconds(100));
        var waits = await Task.WhenAll(logs.Select(log => ProduceAsync(log, began, stop)));
        var rates = container.Usage.PerSecond;
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;

        (TimeSpan At, long Appends)[] seen = [.. samples];
        var most = seen.Max(first => seen.Last(last => last.At - first.At <= Window).Appends - first.Appends);
        TimeSpan[] p99 = [.. waits.Select(of => of.Order().ElementAt((int)(0.99 * (of.Count - 1))))];
        var bound = TimeSpan.FromSeconds(1.5 * PartitionCount / Budget);
        output.WriteLine($"{(container.Usage.Total.Appends - appendsBefore) / seconds:F1} appends a second, at most {most} in {Window.TotalSeconds} s; waits: p99 of a partition at most {p99.Max():g}, bound {bound:g}");
        Assert.InRange(most, Budget * Window.TotalSeconds * 0.8, Budget * Window.TotalSeconds);
        Assert.All(p99, wait => Assert.InRange(wait, TimeSpan.Zero, bound));

        // What was acknowledged is there.
        for (var i = 0; i < logs.Length; i++)
            Assert.Equal(waits[i].Count, logs[i].State.HighWatermark);
        var calculated = await CostCalculatorTests.AppendsAsync(
            "--partitions", $"{PartitionCount}", "--silos", "1", "--appends-per-second-max", Budget.ToString(CultureInfo.InvariantCulture));
        var told = SiloMeter.MonthCost(new BlobPrices(), rates with { Reads = 0 }, storedBytes: 0);
        output.WriteLine($"A month of appends: {told:F0} by the service, {calculated:F0} by the calculator");
        Assert.InRange(told, 0.95 * calculated, 1.05 * calculated);
        await Task.WhenAll(logs.Select(log => log.DisposeAsync().AsTask()));
    }

    private static async Task<List<TimeSpan>> ProduceAsync(PartitionLog log, long began, CancellationToken stop)
    {
        var waits = new List<TimeSpan>();
        while (TimeProvider.System.GetElapsedTime(began) < Duration)
        {
            var startedAt = TimeProvider.System.GetTimestamp();
            var result = await log.AppendAsync(TestBatch.Of("x"), LogAcks.Durable, cancellationToken: stop);
            Assert.Null(result.Error);
            waits.Add(TimeProvider.System.GetElapsedTime(startedAt));
        }

        return waits;
    }
}
