using System.Text.Json.Nodes;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Messages;
using OrleansStream.Tests.Support.Services;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka;

/// <summary>Clients sign in by API keys, by SASL/PLAIN, and may then do what their rights say.</summary>
public sealed class SaslTests : IAsyncLifetime
{
    private static readonly string BootstrapKey = "os_bootstrap_" + new string('a', 64);

    private readonly ApiFixture _api = new(TimeProvider.System, services => services
        .Configure<KafkaOptions>(kafka =>
        {
            kafka.Enabled = true;
            kafka.Listen = KafkaFixture.AnyPort;
        })
        .Configure<SecurityOptions>(security => security.BootstrapKey = BootstrapKey));

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Client.DefaultRequestHeaders.Authorization = new("Bearer", BootstrapKey);
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    private string Bootstrap => _api.Part<LocalBroker>().Bound!.ToString();

    [Fact]
    public async Task Client_SignsInByIdAndSecretOrByTheWholeKey()
    {
        await _api.CreateTopicAsync();

        Assert.NotEmpty(await TopicsAsync("bootstrap", new string('a', 64)));
        Assert.NotEmpty(await TopicsAsync("$ApiKey", BootstrapKey));
    }

    [Fact]
    public async Task Client_WithAWrongSecret_IsToldSo()
    {
        string? told = null;
        using var admin = new AdminClientBuilder(ConfigOf("bootstrap", new string('b', 64)))
            .SetErrorHandler((_, error) => told ??= error.Code == ErrorCode.Local_Authentication ? error.Reason : null)
            .SetLogHandler((_, _) => { }).Build();

        await Assert.ThrowsAsync<KafkaException>(() => Task.Run(() => admin.GetMetadata(TimeSpan.FromSeconds(3))));

        Assert.Contains("There is no such key", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_ThatHasNotSignedIn_SeesNothing()
    {
        var topic = await _api.CreateTopicAsync();
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = Bootstrap, MessageTimeoutMs = 3_000, MessageSendMaxRetries = 0 })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

        var error = await Assert.ThrowsAsync<ProduceException<Null, string>>(() => producer.ProduceAsync(topic, new Message<Null, string> { Value = "a" }));

        Assert.Equal(ErrorCode.TopicAuthorizationFailed, error.Error.Code);
    }

    [Fact]
    public async Task Client_ThatHasNotSignedIn_IsClosedWhenItSendsMoreThanSigningInTakes()
    {
        using var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await socket.SendAsync(new byte[ConnectionLimits.FrameBytesBeforeSignInMax + 1]);

        Assert.Null(await socket.ReceiveAsync());
    }

    [Fact]
    public async Task Client_WithAKeyThatMayOnlyWriteToOneTopic_MayDoThatAlone()
    {
        var (mine, other) = (await _api.CreateTopicAsync(), await _api.CreateTopicAsync());
        var secret = (string)(await PutAsync("/v1/access/keys/crawler-1", new JsonObject { ["name"] = "crawler" }))["key"]!;
        await PutAsync("/v1/access/rights", new JsonObject { ["principal"] = "key:crawler", ["resource"] = "topic", ["name"] = mine, ["operations"] = new JsonArray("write") });
        var config = new ProducerConfig(ConfigOf("$ApiKey", secret)) { MessageTimeoutMs = 5_000, EnableIdempotence = true };
        using var producer = new ProducerBuilder<Null, string>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

        Assert.Equal(0, (await producer.ProduceAsync(mine, new Message<Null, string> { Value = "a" })).Offset.Value);
        Assert.Equal(
            ErrorCode.TopicAuthorizationFailed,
            (await Assert.ThrowsAsync<ProduceException<Null, string>>(() => producer.ProduceAsync(other, new Message<Null, string> { Value = "a" }))).Error.Code);
        Assert.Equal([mine], await TopicsAsync("$ApiKey", secret));
    }

    [Fact]
    public async Task Handshake_OfAMechanismThatIsNotTaken_TellsThoseThatAre()
    {
        using var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await socket.SendAsync(SaslHandshakeRequest.Api, 1, 1, writer => writer.WriteString("SCRAM-SHA-256"));

        var reader = new OrleansStream.Kafka.Wire.WireReader(await socket.ReceiveAsync(), isFlexible: false);
        reader.ReadInt32();
        var error = reader.ReadInt16();

        Assert.Equal((33, "PLAIN"), (error, string.Join(',', reader.ReadStringArray())));
    }

    /// <summary>As kafka-python does it: the mechanism's message comes without a header behind a handshake of version 0.</summary>
    [Fact]
    public async Task Handshake_OfVersion0_IsFollowedByABareMessage()
    {
        using var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await socket.SendAsync(SaslHandshakeRequest.Api, 0, 1, writer => writer.WriteString("PLAIN"));
        Assert.NotNull(await socket.ReceiveAsync());
        await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes($"\0bootstrap\0{new string('a', 64)}"));
        Assert.Empty((await socket.ReceiveAsync())!);
        await socket.SendAsync(ApiVersionsRequest.Api, 0, 2, _ => { });
        Assert.NotNull(await socket.ReceiveAsync());

        using var wrong = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await wrong.SendAsync(SaslHandshakeRequest.Api, 0, 1, writer => writer.WriteString("PLAIN"));
        Assert.NotNull(await wrong.ReceiveAsync());
        await wrong.SendAsync(System.Text.Encoding.UTF8.GetBytes("\0bootstrap\0wrong"));
        Assert.Null(await wrong.ReceiveAsync());
    }

    private async Task<JsonNode> PutAsync(string path, JsonObject body)
    {
        using var answer = await _api.Client.PutAsync(path, ApiFixture.Json(body.ToJsonString()), TestContext.Current.CancellationToken);
        var text = await ApiFixture.TextAsync(answer);
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    private Task<string[]> TopicsAsync(string user, string password) => Task.Run(() =>
    {
        using var admin = new AdminClientBuilder(ConfigOf(user, password)).SetLogHandler((_, _) => { }).Build();
        return admin.GetMetadata(TimeSpan.FromSeconds(20)).Topics.Select(topic => topic.Topic).ToArray();
    });

    private ClientConfig ConfigOf(string user, string password) => new()
    {
        BootstrapServers = Bootstrap, SecurityProtocol = SecurityProtocol.SaslPlaintext, SaslMechanism = SaslMechanism.Plain, SaslUsername = user, SaslPassword = password,
    };
}
