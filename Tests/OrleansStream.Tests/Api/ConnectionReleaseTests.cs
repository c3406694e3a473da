using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansStream.Hosting;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>A node that stops has its callers let go of their connections, while it still listens.</summary>
public sealed class ConnectionReleaseTests : IAsyncLifetime
{
    private readonly HeldReadiness _readiness = new();
    private LoneApi _api = null!;

    public async ValueTask InitializeAsync() => _api = await LoneApi.StartAsync(readiness: _readiness);

    public async ValueTask DisposeAsync()
    {
        _readiness.Release();
        await _api.DisposeAsync();
    }

    [Fact]
    public async Task Get_WhenTheServiceStops_IsAnsweredWithTheEndOfItsConnection()
    {
        // It has begun, and is answered after the stop.
        var parked = GetAsync("/health/ready");
        await _readiness.Asked.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        using (var before = await GetAsync("/health/live"))
            Assert.NotEqual(true, before.Headers.ConnectionClose);

        _api.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        _readiness.Release();

        foreach (var answer in (Task<HttpResponseMessage>[])[parked, GetAsync("/health/live"), GetAsync("/none-such")])
        {
            using var response = await answer;
            Assert.Equal(HttpVersion.Version11, response.Version);
            Assert.True(response.Headers.ConnectionClose);
        }
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _api.Client.GetAsync(path, TestContext.Current.CancellationToken);

    private sealed class HeldReadiness : IReadiness
    {
        private readonly TaskCompletionSource _asked = new(), _released = new();

        public Task Asked => _asked.Task;

        public void Release() => _released.TrySetResult();

        public async ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default)
        {
            _asked.TrySetResult();
            await _released.Task;
            return null;
        }
    }
}
