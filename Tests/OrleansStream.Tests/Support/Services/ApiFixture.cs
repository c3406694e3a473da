using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Partitions;
using OrleansStream.Rest.Http;
using OrleansStream.Storage;
using OrleansStream.Tests.Support.Secrets;

namespace OrleansStream.Tests.Support.Services;

/// <summary>The tests that share one service.</summary>
[CollectionDefinition(Name)]
public sealed class ApiTests : ICollectionFixture<ApiFixture>
{
    /// <summary>Their collection's name.</summary>
    public const string Name = "Api";
}

/// <summary>The whole service in this process, on a port of its own, with its data in memory.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    /// <summary>
    /// As a setting: to give the factory a port has it change the server's addresses, which the service's own thread may have begun to use.
    /// </summary>
    internal const string AnyPort = "http://127.0.0.1:0";

    private readonly Factory _factory;

    public ApiFixture()
        : this(TimeProvider.System)
    {
    }

    /// <summary>The service on a clock of the test's.</summary>
    internal ApiFixture(TimeProvider time, Action<IServiceCollection>? configure = null, params (string Key, string Value)[] settings) =>
        _factory = new Factory(time, configure, settings);

    /// <summary>A client of the service; it follows no redirect.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>The way to the service's grains, for what a crash leaves behind.</summary>
    internal IGrainFactory Grains => _factory.Services.GetRequiredService<IGrainFactory>();

    /// <summary>What the service consists of.</summary>
    internal IServiceProvider Services => _factory.Services;

    /// <summary>The service's memory for answers.</summary>
    internal NodeAnswers Answers => _factory.Services.GetRequiredService<NodeAnswers>();

    /// <summary>A part of the service.</summary>
    internal T Part<T>()
        where T : notnull => _factory.Services.GetRequiredService<T>();

    /// <summary>The service's memory for bodies.</summary>
    internal NodeLoad Node => _factory.Services.GetRequiredService<NodeLoad>();

    /// <summary>The service's reads that wait.</summary>
    internal NodeWaits Waits => _factory.Services.GetRequiredService<NodeWaits>();

    /// <summary>Leaves a partition that nobody has used yet behind as an earlier version did, which stored batches unopened.</summary>
    internal async Task StoreUnopenedAsync(string topic, params byte[][] batches)
    {
        var described = await GetAsync($"/v1/topics/{topic}");
        await EarlierVersion.StoreAsync(
            _factory.Services.GetRequiredService<ISegmentStore>(), _factory.Services.GetRequiredService<IDocumentStore>(),
            new PartitionKey((Guid)described["id"]!, 0).ToString(), TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), batches);
    }

    /// <summary>The service's endpoints.</summary>
    internal IEnumerable<Microsoft.AspNetCore.Routing.RouteEndpoint> Endpoints => _factory.Services
        .GetServices<Microsoft.AspNetCore.Routing.EndpointDataSource>().SelectMany(
            source => source.Endpoints).OfType<Microsoft.AspNetCore.Routing.RouteEndpoint>()
        .Where(endpoint => endpoint.Metadata.GetMetadata<Operation>() is not null).Distinct();

    public async ValueTask InitializeAsync()
    {
        _factory.UseKestrel();
        _factory.StartServer();
        Client = new HttpClient(
            new SecretSeekingHandler(new SocketsHttpHandler { AllowAutoRedirect = false })) { BaseAddress = _factory.ClientOptions.BaseAddress };
        var ready = await Client.GetAsync("/health/ready");
        ready.EnsureSuccessStatusCode();
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        return _factory.DisposeAsync();
    }

    /// <summary>
    /// Makes a topic under a name of its own. It keeps records of any age, as tests store such of long ago, unless its settings say how long.
    /// </summary>
    public async Task<string> CreateTopicAsync(int partitions = 1, string config = "{}")
    {
        var name = $"t-{Guid.NewGuid():N}";
        var settings = JsonNode.Parse(config)!.AsObject();
        settings.TryAdd("retention.ms", -1);
        var response = await Client.PutAsync(
            $"/v1/topics/{name}", Json($$"""{"partitions":{{partitions}},"config":{{settings.ToJsonString()}}}"""));
        Assert.Equal(201, (int)response.StatusCode);
        return name;
    }

    /// <summary>POSTs a JSON body and gives the answer as JSON.</summary>
    public async Task<JsonNode> PostAsync(string path, string body, int status = 200)
    {
        using var response = await Client.PostAsync(path, Json(body));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>GETs JSON.</summary>
    public async Task<JsonNode> GetAsync(string path, int status = 200)
    {
        using var response = await Client.GetAsync(path);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>POSTs any body.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, HttpContent body) =>
        Client.PostAsync(path, body, TestContext.Current.CancellationToken);

    /// <summary>Sends any request.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) =>
        Client.SendAsync(request, TestContext.Current.CancellationToken);

    /// <summary>The body of an answer as text.</summary>
    public static Task<string> TextAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    /// <summary>A JSON body.</summary>
    public static ByteArrayContent Json(string body) => Body(Encoding.UTF8.GetBytes(body), "application/json");

    /// <summary>A body of any type.</summary>
    public static ByteArrayContent Body(byte[] body, string? type, string? encoding = null)
    {
        var content = new ByteArrayContent(body);
        if (type is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null)
            content.Headers.ContentEncoding.Add(encoding);
        return content;
    }

    private sealed class Factory(TimeProvider time, Action<IServiceCollection>? configure,
        (string Key, string Value)[] settings) : WebApplicationFactory<OrleansStream.Api.Hosting.ConnectionMemory>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder) => settings
            .Aggregate(builder, (host, setting) => host.UseSetting(setting.Key, setting.Value))
            .UseSetting("OrleansStream:Storage:Provider", "Memory")
            .UseSetting(WebHostDefaults.ServerUrlsKey, AnyPort)
            // A silo whose clock is put forward takes that for a hang, and tells of it.
            .UseSetting("Logging:LogLevel:Orleans.Runtime", time is SkippingTime ? "None" : "Warning")
            .ConfigureTestServices(services =>
            {
                services.AddSingleton(time);
                services.AddSingleton<ILoggerProvider>(new SecretSeekingLog(SecretWatch.Run));
                if (time is SkippingTime)
                    services.AddPatientCalls();
                configure?.Invoke(services);
            });
    }
}
