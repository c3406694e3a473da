using System.Text.Json.Nodes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.Support.Services;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka;

/// <summary>Administrators give, see and take away rights by Kafka's calls for access control lists; they are the rights of REST.</summary>
public sealed class AclTests : IAsyncLifetime
{
    private const string Crawler = "User:key:crawler";
    private static readonly string BootstrapKey = "os_bootstrap_" + new string('a', 64);

    private readonly ApiFixture _api = new(TimeProvider.System, services => services
        .Configure<KafkaOptions>(kafka => (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort))
        .Configure<SecurityOptions>(security => security.BootstrapKey = BootstrapKey));

    private IAdminClient _admin = null!;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Client.DefaultRequestHeaders.Authorization = new("Bearer", BootstrapKey);
        _admin = AdminOf(BootstrapKey);
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await _api.DisposeAsync();
    }

    [Fact]
    public async Task Admin_GivesSeesAndTakesAwayRights()
    {
        AclBinding[] given =
        [
            Of(ResourceType.Topic, "pages.", ResourcePatternType.Prefixed, AclOperation.Write),
            Of(ResourceType.Topic, "pages.", ResourcePatternType.Prefixed, AclOperation.Describe),
            Of(ResourceType.Group, "index", ResourcePatternType.Literal, AclOperation.Read),
            Of(ResourceType.Topic, "clicks", ResourcePatternType.Literal, AclOperation.All),
        ];
        await _admin.CreateAclsAsync(given);

        // DESCRIBE shows settings, too.
        AclBinding[] expected = [.. given, Of(ResourceType.Topic, "pages.", ResourcePatternType.Prefixed, AclOperation.DescribeConfigs)];
        Assert.Equal(Texts(expected), Texts((await _admin.DescribeAclsAsync(Any())).AclBindings));
        Assert.Equal(
            ["group literal index: read", "topic literal clicks: describe, read, write, manage", "topic prefix pages.: describe, write"],
            await RightsAsync("key:crawler"));

        var match = Any();
        var pattern = match.PatternFilter;
        (pattern.Type, pattern.Name, pattern.ResourcePatternType) = (ResourceType.Topic, "pages.new", ResourcePatternType.Match);
        Assert.Equal(3, (await _admin.DescribeAclsAsync(match)).AclBindings.Count);

        match.EntryFilter.Operation = AclOperation.Write;
        Assert.Equal(Texts(given[0]), Texts((await _admin.DeleteAclsAsync([match])).Single().AclBindings));
        Assert.Equal(
            ["group literal index: read", "topic literal clicks: describe, read, write, manage", "topic prefix pages.: describe"],
            await RightsAsync("key:crawler"));
        await _admin.DeleteAclsAsync([Any()]);
        Assert.Empty(await RightsAsync("key:crawler"));
    }

    /// <summary>What is given takes effect: a key that may do nothing appends.</summary>
    [Fact]
    public async Task Admin_WhoGivesWriteToEveryTopic_LetsAKeyProduce()
    {
        var topic = await _api.CreateTopicAsync();
        using var made = await _api.Client.PutAsync("/v1/access/keys/crawler-1", ApiFixture.Json("""{"name":"crawler"}"""));
        var key = (string)JsonNode.Parse(await ApiFixture.TextAsync(made))!["key"]!;
        Assert.Equal(ErrorCode.TopicAuthorizationFailed, await ErrorOfAsync(key, topic));

        await _admin.CreateAclsAsync([Of(ResourceType.Topic, "*", ResourcePatternType.Literal, AclOperation.Write)]);

        Assert.Equal(ErrorCode.NoError, await ErrorOfAsync(key, topic));
        Assert.Equal("*", Assert.Single((await _admin.DescribeAclsAsync(Any())).AclBindings).Pattern.Name);
    }

    /// <summary>A regular expression of KIP-848 matches only what its member may describe, and again as soon as it may describe more.</summary>
    [Fact]
    public async Task Consumer_ThatSubscribesToAnExpression_ReadsWhatItMaySee()
    {
        foreach (var topic in (string[])["seen-1", "seen-2"])
        {
            (await _api.Client.PutAsync($"/v1/topics/{topic}", ApiFixture.Json("""{"partitions":1}"""))).EnsureSuccessStatusCode();
            await _api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{topic}}","value_type":"string"}]}""");
        }

        using var made = await _api.Client.PutAsync("/v1/access/keys/crawler-1", ApiFixture.Json("""{"name":"crawler"}"""));
        var key = (string)JsonNode.Parse(await ApiFixture.TextAsync(made))!["key"]!;
        await _admin.CreateAclsAsync(
        [
            Of(ResourceType.Group, "index", ResourcePatternType.Literal, AclOperation.Read),
            Of(ResourceType.Topic, "seen-1", ResourcePatternType.Literal, AclOperation.Read),
        ]);
        using var consumer = new ConsumerBuilder<Ignore, string>(new ConsumerConfig(ConfigOf(key))
        {
            GroupId = "index", GroupProtocol = GroupProtocol.Consumer, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false,
        }).SetLogHandler((_, _) => { }).Build();
        consumer.Subscribe("^seen-.*");

        Assert.Equal("seen-1", consumer.Consume(TimeSpan.FromSeconds(20))?.Message.Value);
        var members = (await _api.GetAsync("/v1/groups/index"))["members"]!.AsArray();
        Assert.Equal(["seen-1"], Assert.Single(members)!["topics"]!.AsArray().Select(topic => (string)topic!));

        await _admin.CreateAclsAsync([Of(ResourceType.Topic, "seen-2", ResourcePatternType.Literal, AclOperation.Read)]);
        Assert.Equal("seen-2", consumer.Consume(TimeSpan.FromSeconds(20))?.Message.Value);
        consumer.Close();
    }

    [Fact]
    public async Task Admin_WhoGivesWhatIsNoRightHere_IsToldWhy()
    {
        var denied = Of(ResourceType.Topic, "a", ResourcePatternType.Literal, AclOperation.Read);
        denied.Entry.PermissionType = AclPermissionType.Deny;
        var fromOneHost = Of(ResourceType.Topic, "a", ResourcePatternType.Literal, AclOperation.Read);
        fromOneHost.Entry.Host = "10.0.0.1";
        var nobody = Of(ResourceType.Topic, "a", ResourcePatternType.Literal, AclOperation.Read);
        nobody.Entry.Principal = "User:crawler";
        (AclBinding Binding, string Reason)[] refused =
        [
            (denied, "never denied"), (fromOneHost, "the host must be '*'"), (nobody, "'User:crawler' is nobody"),
            (Of(ResourceType.Topic, "b", ResourcePatternType.Literal, AclOperation.Create),
                "CREATE, DELETE, ALTER, ALTER_CONFIGS are one right here"),
            (Of(ResourceType.Broker, "kafka-cluster", ResourcePatternType.Literal, AclOperation.IdempotentWrite),
                "IDEMPOTENT_WRITE is none of a cluster's here"),
            (Of(ResourceType.Topic, "no blanks", ResourcePatternType.Literal, AclOperation.Read), "name"),
        ];
        var fine = Of(ResourceType.Topic, "c", ResourcePatternType.Literal, AclOperation.Read);

        var exception = await Assert.ThrowsAsync<CreateAclsException>(() => _admin.CreateAclsAsync([.. refused.Select(one => one.Binding), fine]));

        Assert.Equal([.. refused.Select(_ => ErrorCode.InvalidRequest), ErrorCode.NoError], exception.Results.Select(result => result.Error.Code));
        foreach (var ((_, reason), result) in refused.Zip(exception.Results))
            Assert.Contains(reason, result.Error.Reason, StringComparison.Ordinal);
        Assert.Equal(["topic literal c: read"], await RightsAsync("key:crawler"));
    }

    [Fact]
    public async Task Admin_WhoTakesAPartOfManage_IsToldWhyAndTakesNothing()
    {
        AclOperation[] managing = [AclOperation.Create, AclOperation.Delete, AclOperation.Alter, AclOperation.AlterConfigs];
        await _admin.CreateAclsAsync(managing.Select(operation => Of(ResourceType.Topic, "a", ResourcePatternType.Literal, operation)));
        Assert.Equal(["topic literal a: manage"], await RightsAsync("key:crawler"));
        var delete = Any();
        delete.EntryFilter.Operation = AclOperation.Delete;

        var exception = await Assert.ThrowsAsync<DeleteAclsException>(() => _admin.DeleteAclsAsync([delete]));

        Assert.Equal(ErrorCode.InvalidRequest, exception.Results.Single().Error.Code);
        Assert.Equal(["topic literal a: manage"], await RightsAsync("key:crawler"));
    }

    [Fact]
    public async Task Caller_WhoMayNotAdminister_SeesAndChangesNothing()
    {
        using var made = await _api.Client.PutAsync("/v1/access/keys/owner-1", ApiFixture.Json("""{"name":"owner","role":"Data Owner"}"""));
        using var admin = AdminOf((string)JsonNode.Parse(await ApiFixture.TextAsync(made))!["key"]!);
        var binding = Of(ResourceType.Topic, "a", ResourcePatternType.Literal, AclOperation.Read);

        await _admin.CreateAclsAsync([Of(ResourceType.Topic, "b", ResourcePatternType.Literal, AclOperation.Read)]);

        // Confluent.Kafka does not tell of an error of this call.
        Assert.Empty((await admin.DescribeAclsAsync(Any())).AclBindings);
        var created = await Assert.ThrowsAsync<CreateAclsException>(() => admin.CreateAclsAsync([binding]));
        var deleted = await Assert.ThrowsAsync<DeleteAclsException>(() => admin.DeleteAclsAsync([Any()]));
        Assert.All(
            [created.Results.Single().Error, deleted.Results.Single().Error],
            error => Assert.Equal(ErrorCode.ClusterAuthorizationFailed, error.Code));
        Assert.Equal(["topic literal b: read"], await RightsAsync("key:crawler"));
    }

    private static AclBinding Of(ResourceType type, string name, ResourcePatternType pattern, AclOperation operation) => new()
    {
        Pattern = new ResourcePattern { Type = type, Name = name, ResourcePatternType = pattern },
        Entry = new AccessControlEntry { Principal = Crawler, Host = "*", Operation = operation, PermissionType = AclPermissionType.Allow },
    };

    private static AclBindingFilter Any() => new()
    {
        PatternFilter = new ResourcePatternFilter { Type = ResourceType.Any, ResourcePatternType = ResourcePatternType.Any },
        EntryFilter = new AccessControlEntryFilter { Operation = AclOperation.Any, PermissionType = AclPermissionType.Any },
    };

    private static string[] Texts(params IEnumerable<AclBinding> bindings) =>
        [.. bindings.Select(binding => binding.ToString()).Order(StringComparer.Ordinal)];

    private async Task<string[]> RightsAsync(string principal)
    {
        var rights = (await _api.GetAsync($"/v1/access/rights?principal={principal}"))["rights"]!.AsArray();
        return
        [
            .. rights.Select(right => $"{right!["resource"]} {right["pattern"]} {right["name"]}: {string.Join(", ", right["operations"]!.AsArray())}")
                .Order(StringComparer.Ordinal),
        ];
    }

    private async Task<ErrorCode> ErrorOfAsync(string key, string topic)
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig(ConfigOf(key)) { MessageTimeoutMs = 20_000 })
            .SetLogHandler((_, _) => { }).Build();
        try
        {
            return (await producer.ProduceAsync(topic, new Message<Null, string> { Value = "a" })).Status == PersistenceStatus.Persisted
                ? ErrorCode.NoError : ErrorCode.Unknown;
        }
        catch (ProduceException<Null, string> exception)
        {
            return exception.Error.Code;
        }
    }

    private IAdminClient AdminOf(string key) => new AdminClientBuilder(ConfigOf(key)).SetLogHandler((_, _) => { }).Build();

    private ClientConfig ConfigOf(string key) => new()
    {
        BootstrapServers = _api.Part<LocalBroker>().Bound!.ToString(), SecurityProtocol = SecurityProtocol.SaslPlaintext,
        SaslMechanism = SaslMechanism.Plain, SaslUsername = "$ApiKey", SaslPassword = key,
    };
}
