using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.EndToEnd;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>What the clients do that Debian packages: python3-kafka, python3-confluent-kafka, kcat. Skipped where they are not installed.</summary>
[Collection(KafkaTrapTests.Name)]
public sealed class DebianTrapTests(TrapService service)
{
    private const string Kcat = "/usr/bin/kcat", Python = "/usr/bin/python3", KafkaPython = "kafka";
    private const int Partitions = 12;

    private static readonly string[] Keys = [.. Enumerable.Range(0, 200).Select(i => $"match-{i * 7919}")];

    /// <summary>kafka-python has many requests in flight, fails all when an answer is out of its order, and puts keys where Java does.</summary>
    [Theory]
    [InlineData(KafkaPython)]
    [InlineData("confluent_kafka")]
    public async Task Produce_WithManyInFlight_IsAnsweredInOrderAndWhereJavaPutsIt(string library)
    {
        await RequireAsync(library);
        var topic = await service.Api.CreateTopicAsync(Partitions);
        await using var proxy = service.OpenProxy();

        var places = await ProduceAsync(library, proxy.Bootstrap, topic);

        var expected = await KafkaPartitions.ChooseAsync([.. Keys.Select(System.Text.Encoding.UTF8.GetBytes)], Partitions);
        Assert.Equal(expected, places.Select(place => place.Partition));
        Assert.Equal(Keys.Length, places.Distinct().Count());
    }

    /// <summary>kafka-python hands over an empty or a control batch as a message; it is given neither.</summary>
    [Fact]
    public async Task KafkaPython_BehindTheFencesOfSeveralLeaders_ReadsRecordsOnly()
    {
        await RequireAsync(KafkaPython);
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, "a");
        await service.MoveAsync(topic);
        await service.ProduceAsync(topic, "b");
        await service.MoveAsync(topic);
        await using var proxy = service.OpenProxy();
        var fences = TrapService.CountFences(proxy);

        var (exitCode, output, errors) = await OtherProgram.RunAsync(new ProcessStartInfo(
            Python, [ScriptOf("python-consumer.py"), KafkaPython, proxy.Bootstrap, topic, $"g-{Guid.NewGuid():N}", "2"]));

        Assert.True(exitCode == 0, errors);
        Assert.Equal(["a", "b"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(0, fences());
    }

    /// <summary>kafka-python agrees on a mechanism by SaslHandshake 0, and then sends the mechanism's message without a header.</summary>
    [Theory]
    [InlineData(KafkaPython)]
    [InlineData("confluent_kafka")]
    public async Task SignIn_ByUserAndPassword_MayProduce(string library)
    {
        await RequireAsync(library);
        var secret = new string('a', 64);
        await using var api = new ApiFixture(TimeProvider.System, services => services
            .Configure<KafkaOptions>(kafka => (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort))
            .Configure<SecurityOptions>(security => security.BootstrapKey = $"os_bootstrap_{secret}"));
        await api.InitializeAsync();
        api.Client.DefaultRequestHeaders.Authorization = new("Bearer", $"os_bootstrap_{secret}");
        var topic = await api.CreateTopicAsync(Partitions);

        var places = await ProduceAsync(library, api.Part<LocalBroker>().Bound!.ToString(), topic, "bootstrap", secret);

        Assert.Equal(Keys.Length, places.Distinct().Count());
    }

    /// <summary>kcat's default partitioner is CRC-32; README names the setting that agrees with REST.</summary>
    [Fact]
    public async Task Kcat_WithMurmur2_PutsKeysWhereJavaDoes()
    {
        Assert.SkipUnless(File.Exists(Kcat), "kcat is not installed.");
        var topic = await service.Api.CreateTopicAsync(Partitions);
        await using var proxy = service.OpenProxy();
        var start = new ProcessStartInfo(Kcat, ["-P", "-b", proxy.Bootstrap, "-t", topic, "-K", ":", "-X", "partitioner=murmur2_random"]);
        var (exitCode, _, errors) = await OtherProgram.RunAsync(start, string.Join('\n', Keys.Select(key => $"{key}:v")));
        Assert.True(exitCode == 0, errors);

        var expected = await KafkaPartitions.ChooseAsync([.. Keys.Select(System.Text.Encoding.UTF8.GetBytes)], Partitions);
        for (var partition = 0; partition < Partitions; partition++)
        {
            var answer = await service.Api.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records?offset=0&key_as=string&value_as=string");
            Assert.Equal(
                Keys.Where((_, i) => expected[i] == partition).Order(StringComparer.Ordinal),
                answer["records"]!.AsArray().Select(record => (string)record!["key"]!).Order(StringComparer.Ordinal));
        }
    }

    private static async Task RequireAsync(string library) => Assert.SkipUnless(
        File.Exists(Python) && (await OtherProgram.RunAsync(new ProcessStartInfo(Python, ["-c", $"import {library}"]))).ExitCode == 0,
        $"{library} is not installed.");

    private static string ScriptOf(string name) => Path.Combine(AppContext.BaseDirectory, "Foreign", name);

    private static async Task<(int Partition, long Offset)[]> ProduceAsync(
        string library, string bootstrap, string topic, params string[] userAndPassword)
    {
        var start = new ProcessStartInfo(Python, [ScriptOf("python-producer.py"), library, bootstrap, topic, .. userAndPassword]);
        var (exitCode, output, errors) = await OtherProgram.RunAsync(start, string.Join('\n', Keys));
        Assert.True(exitCode == 0, errors);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Keys.Length, lines.Length);
        return [.. lines.Select(line => line.Split(' ')).Select(parts => (int.Parse(parts[0]), long.Parse(parts[1])))];
    }
}
