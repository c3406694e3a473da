using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Orleans.Configuration;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Infra;

public sealed partial class ContainerFileTests
{
    private const string HttpPort = "8080";

    public static TheoryData<string> Processes => ["Silo", "Api"];

    [Theory]
    [MemberData(nameof(Processes))]
    public void Dockerfile_RunsTheProjectsAssembly_AsNobodyOnAChiselledImage(string process)
    {
        var last = LastStage(process);
        Assert.Matches(@"^FROM mcr\.microsoft\.com/dotnet/aspnet:10\.0-noble-chiseled$", last[0]);
        Assert.Contains("USER $APP_UID", last);
        Assert.Contains($"ENTRYPOINT [\"dotnet\", \"OrleansStream.{process}.dll\"]", last);
        Assert.DoesNotContain(last, line => line.StartsWith("RUN ", StringComparison.Ordinal));
        Assert.Contains($"ENV URLS=http://+:{HttpPort} ASPNETCORE_HTTP_PORTS=", last);
    }

    [Fact]
    public void Dockerfile_Ports_AreTheDefaultOnes()
    {
        Assert.Contains(
            $"EXPOSE {HttpPort} {EndpointOptions.DEFAULT_SILO_PORT} {EndpointOptions.DEFAULT_GATEWAY_PORT}", LastStage("Silo"));
        Assert.Contains($"EXPOSE {HttpPort}", LastStage("Api"));
    }

    [Theory]
    [MemberData(nameof(Processes))]
    public void Dockerfile_EveryFileItCopies_IsInTheRepository(string process)
    {
        string[] sources = [.. Lines(process)
            .Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[1..^1])];
        Assert.NotEmpty(sources);
        Assert.All(sources, source => Assert.True(
            source.Contains('*', StringComparison.Ordinal)
                ? Directory.GetFiles(Repository.PathOf(Path.GetDirectoryName(source)!), Path.GetFileName(source)).Length > 0
                : Path.Exists(Repository.PathOf(source)),
            source));
    }

    [Fact]
    public void Compose_HasThreeSilosAndTwoApiNodes_ReachedOnLoopbackAlone()
    {
        var compose = Compose();
        Assert.Equal(3, SiloService().Count(compose));
        Assert.Equal(2, ApiService().Count(compose));
        Assert.Equal(
            [$"127.0.0.1:8080:{HttpPort}", $"127.0.0.1:8081:{HttpPort}"],
            PublishedPorts().Matches(compose).Select(match => match.Groups[1].Value));
        Assert.Contains("OrleansStream__Silo__Embedded: \"false\"", compose, StringComparison.Ordinal);
    }

    [Fact]
    public void Compose_Azurite_IsTheVersionThatTheTestsUse()
    {
        var version = JsonNode.Parse(File.ReadAllText(Repository.PathOf("infra", "azurite", "package.json")))!["dependencies"]!["azurite"]!.GetValue<string>();
        Assert.Contains($"/azurite:{version}\n", Compose(), StringComparison.Ordinal);
    }

    [Fact]
    public void ComposeOfKafka_HasTheSettingsOfTheCodeAndPortsOnLoopbackAlone()
    {
        var compose = File.ReadAllText(Repository.PathOf("infra", "docker", "docker-compose.kafka.yml")).ReplaceLineEndings("\n");
        var settings = KafkaSetting().Matches(compose).Select(match => (Name: match.Groups[1].Value, Value: match.Groups[2].Value)).ToArray();
        Assert.All(settings, setting => Assert.NotNull(typeof(KafkaOptions).GetProperty(setting.Name)));
        Assert.Equal(["*:9092"], settings.Where(setting => setting.Name == nameof(KafkaOptions.Listen)).Select(setting => setting.Value));
        string[] ports = [.. PublishedPorts().Matches(compose).Select(match => match.Groups[1].Value)];
        Assert.Equal(["127.0.0.1:9092:9092", "127.0.0.1:9093:9092"], ports);
        Assert.Equal(
            ports.Select(port => port.Split(':')[1]),
            settings.Where(setting => setting.Name == nameof(KafkaOptions.AdvertisedPort)).Select(setting => setting.Value));
    }

    /// <summary>Packages are restored from the projects alone; a project that is missing then breaks the image's build.</summary>
    [Theory]
    [MemberData(nameof(Processes))]
    public void Dockerfile_RestoresFromAllProjectsThatThereAre(string process)
    {
        var lines = Lines(process);
        Assert.Contains(lines, line => line.StartsWith("RUN find . -type f ! -name '*.csproj' ! -name '*.props' ! -name global.json -delete", StringComparison.Ordinal));
        Assert.Contains("COPY --from=projects /source .", lines);
        Assert.True(Array.IndexOf(lines, "COPY --from=projects /source .")
            < Array.FindIndex(lines, line => line.StartsWith($"RUN dotnet restore {process} ", StringComparison.Ordinal)));
    }

    private static string Compose() => File.ReadAllText(Repository.PathOf("infra", "docker", "docker-compose.yml")).ReplaceLineEndings("\n");

    private static string[] Lines(string process) =>
        File.ReadAllText(Repository.PathOf("infra", "docker", $"{process}.Dockerfile")).ReplaceLineEndings("\n").Split('\n');

    private static string[] LastStage(string process)
    {
        var lines = Lines(process);
        return lines[Array.FindLastIndex(lines, line => line.StartsWith("FROM ", StringComparison.Ordinal))..];
    }

    [GeneratedRegex(@"^  silo-\d: \*silo$", RegexOptions.Multiline)]
    private static partial Regex SiloService();

    [GeneratedRegex(@"^  api-\d:\n    <<: \*api$", RegexOptions.Multiline)]
    private static partial Regex ApiService();

    [GeneratedRegex("^ +OrleansStream__Kafka__(\\w+): \"?([^\"\n]+)\"?$", RegexOptions.Multiline)]
    private static partial Regex KafkaSetting();

    [GeneratedRegex("^ +ports: \\[\"([^\"]+)\"\\]$", RegexOptions.Multiline)]
    private static partial Regex PublishedPorts();
}
