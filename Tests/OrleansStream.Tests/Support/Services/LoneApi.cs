using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Api.Hosting;
using OrleansStream.Hosting;
using OrleansStream.Tests.Support.Secrets;

namespace OrleansStream.Tests.Support.Services;

/// <summary>The REST surface over HTTP with no cluster behind it: every grain is one that the test has.</summary>
internal sealed class LoneApi : IAsyncDisposable
{
    private readonly WebApplication _service;

    private LoneApi(WebApplication service)
    {
        _service = service;
        Client = new HttpClient(new SecretSeekingHandler(new SocketsHttpHandler())) { BaseAddress = new Uri(service.Urls.First()) };
    }

    /// <summary>Calls it.</summary>
    public HttpClient Client { get; }

    /// <summary>What it consists of.</summary>
    public IServiceProvider Services => _service.Services;

    /// <summary>Where it listens, in the order of its settings.</summary>
    public IEnumerable<Uri> Addresses => _service.Urls.Select(url => new Uri(url));

    /// <summary>Starts it.</summary>
    /// <param name="grain">What each call goes to; null when there are none.</param>
    /// <param name="readiness">Tells whether it is ready; null when nobody asks.</param>
    /// <param name="settings">Its command line; where it says nothing, it listens at any port.</param>
    /// <param name="log">Takes what it logs; null when nobody reads it.</param>
    /// <param name="time">Its clock; null for the system's.</param>
    public static async Task<LoneApi> StartAsync(
        object? grain = null, IReadiness? readiness = null, string[]? settings = null, ILoggerProvider? log = null, TimeProvider? time = null)
    {
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = grain;
        var builder = WebApplication.CreateBuilder(settings ?? []);
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.AddApi();
        builder.Logging.ClearProviders().AddProvider(new SecretSeekingLog(SecretWatch.Run));
        if (log is not null)
            builder.Logging.AddProvider(log).AddFilter("Microsoft.AspNetCore", LogLevel.Debug).AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Debug);
        builder.WebHost.UseUrls(ApiFixture.AnyPort);
        builder.Services.AddSingleton(grains);
        builder.Services.AddSingleton(readiness ?? new Ready());
        builder.Services.AddHealthChecks().AddCheck<ReadinessCheck>(ReadinessCheck.Name);
        var service = builder.Build();
        service.UseApi();
        await service.StartAsync();
        return new LoneApi(service);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _service.DisposeAsync();
    }

    private sealed class Ready : IReadiness
    {
        public ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult<string?>(null);
    }
}
