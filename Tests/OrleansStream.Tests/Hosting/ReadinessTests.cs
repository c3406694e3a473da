using System.Reflection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Orleans.Configuration;
using OrleansStream.Hosting;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Hosting;

public sealed class ReadinessTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedDocumentStore _documents = new(new MemoryDocumentStore());
    private readonly StoppableLifetime _lifetime = new();
    private readonly ClientPart _client = new();
    private readonly Readiness _readiness;

    public ReadinessTests() => _readiness = new Readiness(
        _client, new StoreProbe(_documents, Options.Create(new ClusterOptions { ClusterId = "c" }), _time), _lifetime);

    public void Dispose() => _lifetime.Dispose();

    [Fact]
    public async Task FindObstacle_WhenConnectedAndTheStorageAnswers_FindsNone()
    {
        Connect(1);

        Assert.Null(await FindAsync());
        Assert.Null(await FindAsync());
        Assert.Equal(1, _documents.ReadCount);
    }

    [Fact]
    public async Task FindObstacle_WhenTheStorageFallsSilent_SaysSoOnceItsLastAnswerIsOld_AndRecovers()
    {
        Connect(1);
        Assert.Null(await FindAsync());
        _documents.ReadsToFail = int.MaxValue;

        _time.Advance(ClusterLimits.StoreProbePeriod);
        Assert.Null(await FindAsync());
        Assert.Equal(2, _documents.ReadCount);
        _time.Advance(ClusterLimits.StoreSilenceMax);
        Assert.Equal("The storage does not answer.", await FindAsync());

        _documents.ReadsToFail = 0;
        Assert.Null(await FindAsync());
    }

    [Fact]
    public async Task FindObstacle_WhenNoSiloIsConnected_SaysSo()
    {
        Assert.Equal("No silo of the cluster is connected.", await FindAsync());
        Connect(2);
        Assert.Null(await FindAsync());
        Connect(0);
        Assert.NotNull(await FindAsync());
    }

    [Theory]
    [InlineData(SiloStatus.Active, true)]
    [InlineData(SiloStatus.Joining, false)]
    [InlineData(SiloStatus.ShuttingDown, false)]
    [InlineData(SiloStatus.Dead, false)]
    public void FindObstacle_OfASilo_FindsNoneOnlyWhileItIsActive(SiloStatus status, bool isReady)
    {
        var view = DispatchProxy.Create<ISiloStatusOracle, SiloView>();
        ((SiloView)view).Status = status;

        var obstacle = new SiloPart(view).FindObstacle();

        Assert.Equal(isReady, obstacle is null);
        Assert.True(isReady || obstacle!.Contains($"{status}", StringComparison.Ordinal), obstacle);
    }

    [Fact]
    public async Task FindObstacle_WhenTheProcessStops_SaysSoThoughAllElseIsWell()
    {
        Connect(1);
        _lifetime.StopApplication();

        Assert.Equal("The process is stopping.", await FindAsync());
    }

    [Fact]
    public async Task Stopping_OfAnApiNode_WaitsUntilItsLoadBalancerKnows()
    {
        var stopping = new StopNotice(_time).StoppingAsync(TestContext.Current.CancellationToken);
        _time.Advance(ClusterLimits.StopNotice - TimeSpan.FromMilliseconds(1));
        Assert.False(stopping.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        await stopping;
        Assert.True(ClusterLimits.StopNotice < ClusterLimits.ShutdownTimeout);
    }

    private void Connect(int gatewayCount) => _client.OnGatewayCountChanged(this, new GatewayCountChangedEventArgs(gatewayCount, 0));

    private async Task<string?> FindAsync() => await _readiness.FindObstacleAsync(TestContext.Current.CancellationToken);
}

/// <summary>A silo's view of itself, of which its own status is all that is asked.</summary>
public class SiloView : DispatchProxy
{
    /// <summary>The status.</summary>
    public SiloStatus Status { get; set; }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod?.Name == $"get_{nameof(ISiloStatusOracle.CurrentStatus)}" ? Status : throw new NotSupportedException(targetMethod?.Name);
}
