using System.Diagnostics;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>Clients that Debian packages: kcat, python3-kafka, python3-confluent-kafka. Skipped where they are not installed.</summary>
[Collection(KafkaGroupTests.Name)]
public sealed class DebianGroupTests(GroupService service)
{
    private const string Kcat = "/usr/bin/kcat", Python = "/usr/bin/python3";
    private const int Partitions = 2, Records = 5;

    [Fact]
    public async Task Kcat_ReadsAndCommits()
    {
        Assert.SkipUnless(File.Exists(Kcat), "kcat is not installed.");
        await ReadsAndCommitsAsync((topic, group) => new ProcessStartInfo(Kcat,
            ["-q", "-b", service.Bootstrap, "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", "-c", $"{Partitions * Records}", "-G", group, topic]));
    }

    [Theory]
    [InlineData("kafka")]
    [InlineData("confluent_kafka")]
    public async Task Python_ReadsAndCommits(string library)
    {
        Assert.SkipUnless(File.Exists(Python) && (await OtherProgram.RunAsync(new ProcessStartInfo(Python, ["-c", $"import {library}"]))).ExitCode == 0, $"{library} is not installed.");
        await ReadsAndCommitsAsync((topic, group) => new ProcessStartInfo(Python,
            [Path.Combine(AppContext.BaseDirectory, "Foreign", "python-consumer.py"), library, service.Bootstrap, topic, group, $"{Partitions * Records}"]));
    }

    private async Task ReadsAndCommitsAsync(Func<string, string, ProcessStartInfo> start)
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        var (exitCode, output, errors) = await OtherProgram.RunAsync(start(topic, group));
        Assert.True(exitCode == 0, errors);
        Assert.Equal(Partitions * Records, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct().Count());
        Assert.Equal(Enumerable.Range(0, Partitions).ToDictionary(p => p, _ => (long)Records), await service.OffsetsAsync(group));
        Assert.Equal("empty", (string?)(await service.GetAsync($"/v1/groups/{group}"))["state"]);
    }
}
