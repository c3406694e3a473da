using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using OrleansStream.Security;
using OrleansStream.Tests.Support.Secrets;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>The whole service in this process, whose callers sign in; the test has the key of its settings.</summary>
public sealed class SecureApi : IAsyncLifetime
{
    private readonly ApiFixture _api;
    private readonly SecretFinder _finder;
    private SecretSeekingTelemetry? _telemetry;

    public SecureApi()
        : this([])
    {
    }

    /// <param name="settings">Its settings, besides the key.</param>
    /// <param name="time">Its clock; null for the system's.</param>
    /// <param name="configure">Changes what it consists of.</param>
    /// <param name="finder">Looks for secrets in what it tells; null for that of the run.</param>
    internal SecureApi((string Key, string Value)[] settings, TimeProvider? time = null, Action<IServiceCollection>? configure = null,
        SecretFinder? finder = null)
    {
        _finder = finder ?? SecretWatch.Run;
        _api = new ApiFixture(
            time ?? TimeProvider.System,
            services =>
            {
                services.AddSingleton<ILoggerProvider>(Log);
                if (finder is not null)
                {
                    services.RemoveAll<ILoggerProvider>();
                    services.AddSingleton<ILoggerProvider>(new SecretSeekingLog(finder));
                }

                configure?.Invoke(services);
            },
            [("OrleansStream:Security:BootstrapKey", Bootstrap), ("Logging:LogLevel:Default", "Debug"), .. settings]);
    }

    /// <summary>The key of the settings.</summary>
    public string Bootstrap { get; } = $"os_bootstrap_{ApiKeySecret.Create().Secret}";

    /// <summary>All that the service logs.</summary>
    internal LogLines Log { get; } = new();

    /// <summary>Where it is.</summary>
    public Uri Address => _api.Client.BaseAddress!;

    /// <summary>What it consists of.</summary>
    internal IServiceProvider Services => _api.Services;

    public ValueTask InitializeAsync()
    {
        _telemetry = new SecretSeekingTelemetry(_finder);
        return _api.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _telemetry?.Dispose();
    }

    /// <summary>A client with connections of its own.</summary>
    /// <param name="credential">The key or token that it sends; null for none.</param>
    public HttpClient ClientOf(string? credential)
    {
        var client = new HttpClient(new SecretSeekingHandler(new SocketsHttpHandler(), _finder)) { BaseAddress = Address };
        if (credential is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        return client;
    }

    /// <summary>Makes a key.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="body">What it shall be.</param>
    /// <returns>The key.</returns>
    public async Task<string> CreateKeyAsync(string id, string body = "{}")
    {
        using var admin = ClientOf(Bootstrap);
        return (string)(await SendAsync(admin, HttpMethod.Put, $"/v1/access/keys/{id}", body, 201))!["key"]!;
    }

    /// <summary>Gives a right.</summary>
    public async Task GiveAsync(string principal, string resource, string? name, string operations, string pattern = "literal")
    {
        using var admin = ClientOf(Bootstrap);
        var right = new JsonObject
        {
            ["principal"] = principal, ["resource"] = resource, ["pattern"] = pattern, ["name"] = name,
            ["operations"] = new JsonArray([.. operations.Split(' ').Select(one => (JsonNode)one)]),
        };
        await SendAsync(admin, HttpMethod.Put, "/v1/access/rights", right.ToJsonString());
    }

    /// <summary>Sends a request and gives the answer as JSON.</summary>
    public static async Task<JsonNode?> SendAsync(HttpClient client, HttpMethod method, string path, string? body = null, int status = 200)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = ApiFixture.Json(body);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode}: {text}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }
}

/// <summary>Keeps what is logged, with what it was made of.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly List<string> _lines = [];

    /// <summary>All lines so far.</summary>
    public IReadOnlyList<string> All
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
