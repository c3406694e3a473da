using System.Diagnostics;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka;

/// <summary>Clients sign in by API keys, by SASL/PLAIN, and may then do what their rights say.</summary>
public sealed class SaslTests : IAsyncLifetime
{
    // A timer of the system's may be a little early.
    private static readonly TimeSpan TimerSlack = TimeSpan.FromMilliseconds(100);
    private static readonly string BootstrapKey = "os_bootstrap_" + new string('a', 64);

    private readonly ApiFixture _api = new(
        TimeProvider.System,
        services => services.Configure<KafkaOptions>(kafka =>
        {
            kafka.Enabled = true;
            kafka.Listen = KafkaFixture.AnyPort;
        }),
        ($"{SecurityOptions.SectionName}:{nameof(SecurityOptions.BootstrapKey)}", BootstrapKey));

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

    /// <summary>librdkafka signs in again as fast as it is refused, for ever.</summary>
    [Fact]
    public async Task Client_WithAWrongSecret_IsAnsweredSlowly()
    {
        await using var proxy = new FrameProxy(_api.Part<LocalBroker>().Bound!.Port);
        var config = ConfigOf("bootstrap", new string('b', 64));
        config.BootstrapServers = proxy.Bootstrap;
        config.ReconnectBackoffMs = config.ReconnectBackoffMaxMs = 10;
        using var admin = new AdminClientBuilder(config).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build();
        const int answeredSlowly = 3;
        await Wait.UntilAsync(
            "it is answered slowly",
            () => proxy.CountOf(ApiKey.SaslAuthenticate) > SignInLimits.FailuresAnsweredAtOnceMax + answeredSlowly);

        TimeSpan[] tries = [.. proxy.ArrivalsOf(ApiKey.SaslAuthenticate).Skip(SignInLimits.FailuresAnsweredAtOnceMax)];
        Assert.All(tries.Zip(tries[1..]), pair => Assert.True(pair.Second - pair.First >= SignInLimits.FailurePause - TimerSlack, $"{pair}"));
    }

    [Fact]
    public async Task Client_ThatHasNotSignedIn_SeesNothing()
    {
        var topic = await _api.CreateTopicAsync();
        using var producer = new ProducerBuilder<Null, string>(
            new ProducerConfig { BootstrapServers = Bootstrap, MessageTimeoutMs = 3_000, MessageSendMaxRetries = 0 })
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

        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
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

    /// <summary>Nothing is written that would end the fetch, and the other connection sends nothing: both end because the key is revoked.</summary>
    [Fact]
    public async Task Revocation_OfAKey_EndsItsWaitingFetchAndItsConnections()
    {
        var topic = await _api.CreateTopicAsync();
        var key = (string)(await PutAsync("/v1/access/keys/gone", new JsonObject { ["role"] = "Data Receiver" }))["key"]!;
        using var fetching = await SignInAsync(key);
        using var idle = await SignInAsync(key);
        using var other = await SignInAsync(BootstrapKey);
        await fetching.SendAsync(FetchRequest.Api, 4, 7, writer => WriteFetch(writer, topic));
        var waits = _api.Part<NodeWaits>();
        await Wait.UntilAsync("the fetch waits", () => waits.Count > 0);

        var revokedAt = Stopwatch.GetTimestamp();
        using var revoked = await _api.Client.DeleteAsync("/v1/access/keys/gone", TestContext.Current.CancellationToken);
        Assert.True(revoked.IsSuccessStatusCode);

        var answer = new WireReader(await fetching.ReceiveAsync(), isFlexible: false);
        Assert.Equal((7, 0, 1, topic, 1, 0, (short)KafkaError.TopicAuthorizationFailed), (
            answer.ReadInt32(), answer.ReadInt32(), answer.ReadInt32(), answer.ReadString(), answer.ReadInt32(), answer.ReadInt32(),
            answer.ReadInt16()));
        Assert.Null(await fetching.ReceiveAsync().WaitAsync(Wait.Patience));
        Assert.Null(await idle.ReceiveAsync().WaitAsync(Wait.Patience));
        Assert.InRange(Stopwatch.GetElapsedTime(revokedAt), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await other.SendAsync(ApiVersionsRequest.Api, 0, 2, _ => { });
        Assert.NotNull(await other.ReceiveAsync());
    }

    [Fact]
    public async Task Audit_TellsWhatCameOfTheCallsOfAClient()
    {
        var key = (string)(await PutAsync("/v1/access/keys/maker", new JsonObject { ["role"] = "Data Owner" }))["key"]!;
        using var maker = new AdminClientBuilder(ConfigOf("$ApiKey", key)).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var wanted = new TopicSpecification { Name = "made", NumPartitions = 1, ReplicationFactor = 1 };
        await maker.CreateTopicsAsync([wanted]);
        wanted.NumPartitions = 2;
        await Assert.ThrowsAsync<CreateTopicsException>(() => maker.CreateTopicsAsync([wanted]));
        await Assert.ThrowsAsync<DeleteTopicsException>(() => maker.DeleteTopicsAsync(["__audit"]));

        string[] told = [];
        await Wait.UntilAsync("all of it is in the topic", async () =>
        {
            using var answer = await _api.Client.GetAsync("/v1/topics/__audit/partitions/0/records?from=earliest", TestContext.Current.CancellationToken);
            if (!answer.IsSuccessStatusCode)
                return false;
            var entries = JsonNode.Parse(await ApiFixture.TextAsync(answer))!["records"]!.AsArray().Select(record => record!["value"]!);
            told = [.. entries.Where(entry => (string?)entry["principal"] == "key:maker").Select(entry => $"{entry["what"]} {entry["resource"]} {entry["outcome"]} {entry["error"]}")];
            return told.Length >= 3;
        });

        Assert.Equal(
            ["CreateTopics Topic made done ", "CreateTopics Topic made failed TOPIC_ALREADY_EXISTS", "DeleteTopics Topic __audit refused TOPIC_AUTHORIZATION_FAILED"], told);
    }

    private static void WriteFetch(WireWriter writer, string topic)
    {
        writer.WriteInt32(-1); // replica_id
        writer.WriteInt32(25_000); // max_wait_ms
        writer.WriteInt32(1); // min_bytes
        writer.WriteInt32(1_000_000); // max_bytes
        writer.WriteInt8(0); // isolation_level
        writer.WriteArrayLength(1);
        writer.WriteString(topic);
        writer.WriteArrayLength(1);
        writer.WriteInt32(0); // partition
        writer.WriteInt64(0); // offset
        writer.WriteInt32(1_000_000); // partition_max_bytes
    }

    private async Task<KafkaSocket> SignInAsync(string key)
    {
        var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await socket.SendAsync(SaslHandshakeRequest.Api, 0, 1, writer => writer.WriteString("PLAIN"));
        Assert.NotNull(await socket.ReceiveAsync());
        await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes($"\0$ApiKey\0{key}"));
        Assert.Empty((await socket.ReceiveAsync())!);
        return socket;
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
        BootstrapServers = Bootstrap, SecurityProtocol = SecurityProtocol.SaslPlaintext, SaslMechanism = SaslMechanism.Plain, SaslUsername = user,
        SaslPassword = password,
    };
}
