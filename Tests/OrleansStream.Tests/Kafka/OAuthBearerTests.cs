using System.Text.Json.Nodes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka;

/// <summary>Clients sign in by tokens of OpenID Connect, by SASL/OAUTHBEARER, at an Api node and at a silo.</summary>
public sealed class OAuthBearerTests : IAsyncLifetime
{
    private LocalIssuer _issuer = null!;
    private ApiFixture _api = null!;

    private string Bootstrap => _api.Part<LocalBroker>().Bound!.ToString();

    public async ValueTask InitializeAsync()
    {
        _issuer = await LocalIssuer.StartAsync();
        _api = new ApiFixture(
            TimeProvider.System, configure: null,
            ("OrleansStream:Kafka:Enabled", "true"), ("OrleansStream:Kafka:Listen", KafkaFixture.AnyPort),
            ("OrleansStream:Security:OpenIdConnect:Authority", _issuer.Address),
            ("OrleansStream:Security:OpenIdConnect:Audience", LocalIssuer.Audience));
        await _api.InitializeAsync();
        _api.Client.DefaultRequestHeaders.Authorization = new("Bearer", TokenOf("DataOwner"));
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task Confluent_WithAToken_MayDoWhatItsRolesSay()
    {
        var topic = await _api.CreateTopicAsync();

        Assert.Null(await ErrorOfAsync(Bootstrap, topic, TokenOf("DataSender")));
        Assert.Equal(ErrorCode.TopicAuthorizationFailed, await ErrorOfAsync(Bootstrap, topic, TokenOf("DataReceiver")));
    }

    [Theory]
    [InlineData("kafkajs")]
    [InlineData("platformatic")]
    public async Task Node_WithAToken_MayDoWhatItsRolesSay(string library)
    {
        var topic = await _api.CreateTopicAsync();
        var request = new JsonObject
        {
            ["op"] = "produce", ["topic"] = topic, ["codec"] = "none",
            ["messages"] = new JsonArray(KafkaRecord.Of("k", "v", TestBatch.TimestampMs).ToJson()),
        };

        var allowed = await new NodeProgram(library) { Token = TokenOf("DataSender") }.RunAsync(Bootstrap, (JsonObject)request.DeepClone());
        var refused = await new NodeProgram(library) { Token = TokenOf("DataReceiver") }.RunAsync(Bootstrap, (JsonObject)request.DeepClone());

        Assert.Null(allowed[0]["error"]);
        Assert.NotNull(refused[0]["error"]);
    }

    [Theory]
    [InlineData("audience", "The token is for another audience.")]
    [InlineData("expired", "The token has expired.")]
    [InlineData("key", "The token is signed with a key that its issuer does not have.")]
    public async Task Confluent_WithATokenThatDoesNotHold_IsToldWhy(string fault, string reason)
    {
        var topic = await _api.CreateTopicAsync();
        var token = _issuer.Issue(new() { ["roles"] = new[] { "DataOwner" } }, issued =>
        {
            if (fault == "audience")
                issued.Audience = "api://another";
            else if (fault == "expired")
                (issued.NotBefore, issued.Expires) = (issued.NotBefore!.Value.AddHours(-1), issued.NotBefore.Value.AddMinutes(-10));
            else
                issued.SigningCredentials = new(LocalIssuer.MakeKey(), Microsoft.IdentityModel.Tokens.SecurityAlgorithms.RsaSha256);
        });
        var told = new TaskCompletionSource<string>();

        Assert.NotNull(await ErrorOfAsync(Bootstrap, topic, token, error => told.TrySetResult(error.Reason)));
        Assert.Contains(reason, await told.Task, StringComparison.Ordinal);
    }

    /// <summary>A silo that has a Kafka listener takes the same tokens.</summary>
    [Fact]
    public async Task Silo_WithAListener_TakesTokens()
    {
        using var folder = new ScratchFolder();
        var (port, kafkaPort) = (FreePort.Find(), FreePort.Find());
        await using var silo = ServiceProcess.LaunchNode(
            Path.Join(Repository.PathOf("Silo"), "bin", Repository.Configuration, "net10.0", "OrleansStream.Silo.dll"), port,
            ("OrleansStream__Storage__Files__Directory", folder.PathOf("data")), ("Urls", $"http://127.0.0.1:{port}"),
            ("OrleansStream__Silo__SiloPort", $"{FreePort.Find()}"), ("OrleansStream__Silo__GatewayPort", $"{FreePort.Find()}"),
            ("OrleansStream__Kafka__Enabled", "true"), ("OrleansStream__Kafka__Listen", $"127.0.0.1:{kafkaPort}"),
            ("OrleansStream__Security__OpenIdConnect__Authority", _issuer.Address),
            ("OrleansStream__Security__OpenIdConnect__Audience", LocalIssuer.Audience));
        await silo.WaitUntilReadyAsync();
        var bootstrap = $"127.0.0.1:{kafkaPort}";
        using var admin = new AdminClientBuilder(ConfigOf(bootstrap))
            .SetOAuthBearerTokenRefreshHandler((client, _) => SetToken(client, TokenOf("DataOwner")))
            .SetLogHandler((_, _) => { }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "matches", NumPartitions = 1 }]);

        Assert.Null(await ErrorOfAsync(bootstrap, "matches", TokenOf("DataSender")));
        Assert.Equal(ErrorCode.TopicAuthorizationFailed, await ErrorOfAsync(bootstrap, "matches", TokenOf("DataReceiver")));
    }

    private string TokenOf(string role) => _issuer.Issue(new() { ["roles"] = new[] { role } });

    private static ClientConfig ConfigOf(string bootstrap) => new()
    {
        BootstrapServers = bootstrap, SecurityProtocol = SecurityProtocol.SaslPlaintext, SaslMechanism = SaslMechanism.OAuthBearer,
    };

    private static void SetToken(IClient client, string token) =>
        client.OAuthBearerSetToken(token, TimeProvider.System.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds(), "anna");

    /// <summary>Produces a record.</summary>
    /// <returns>Null, or what the client said of it.</returns>
    private static async Task<ErrorCode?> ErrorOfAsync(string bootstrap, string topic, string token, Action<Error>? told = null)
    {
        var config = new ProducerConfig(ConfigOf(bootstrap)) { MessageTimeoutMs = told is null ? 20_000 : 2_000 };
        using var producer = new ProducerBuilder<Null, string>(config)
            .SetOAuthBearerTokenRefreshHandler((client, _) => SetToken(client, token))
            .SetErrorHandler((_, error) =>
            {
                if (error.Code == ErrorCode.Local_Authentication)
                    told?.Invoke(error);
            })
            .SetLogHandler((_, _) => { }).Build();
        try
        {
            await producer.ProduceAsync(topic, new Message<Null, string> { Value = "a" });
            return null;
        }
        catch (ProduceException<Null, string> exception)
        {
            return exception.Error.Code;
        }
    }
}
