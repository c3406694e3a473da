using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A volume of a few megabytes is written full, killed, and given room again.</summary>
public sealed class FullDiskTests
{
    private const int ValueLength = 60_000;
    private const int RequestsMax = 2_000;

    [Fact]
    public async Task Produce_WhenTheDiskIsFull_RefusesWhatItCannotStoreAndLosesNothing()
    {
        using var folder = new ScratchFolder();
        var volume = Directory.CreateDirectory(folder.PathOf("volume")).FullName;
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && await MountAsync("-t", "tmpfs", "-o", "size=16m", "tmpfs", volume),
            "A small volume needs the right to mount one.");
        try
        {
            await WriteFullAsync(Path.Join(volume, "data"), volume);
        }
        finally
        {
            await RunAsync("umount", volume);
        }
    }

    private static async Task WriteFullAsync(string data, string volume)
    {
        var acked = new List<int>();
        var number = 0;
        await using (var service = await ServiceProcess.StartAsync(data))
        {
            using var client = service.Connect();
            await client.CreateTopicAsync("full", 1);
            var refusal = await FillAsync(client, acked, () => number++);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refusal.Status);
            Assert.Equal("KAFKA_STORAGE_ERROR", refusal.ErrorCode);
            Assert.True((bool?)refusal.Body!["retriable"]);
            Assert.Null(refusal.Body["outcome"]);
            Assert.NotNull(refusal.Headers.RetryAfter);

            // Refused again, and readable as before.
            Assert.Equal("KAFKA_STORAGE_ERROR", (await PostAsync(client, number++)).ErrorCode);
            Assert.Equal(acked, NumbersOf(await client.ReadAllAsync("full", 0)));
            (await client.GetAsync("/v1/topics/full/partitions")).Expect(HttpStatusCode.OK);

            Assert.True(await MountAsync("-o", "remount,size=32m", "tmpfs", volume), "The volume could not be enlarged.");
            await Wait.UntilAsync("appends are taken again", async () => await TryAsync(client, acked, number++));
            Assert.Equal(acked, NumbersOf(await client.ReadAllAsync("full", 0)));
            await FillAsync(client, acked, () => number++);
            await service.KillAsync();
        }

        // Still full: the partition is opened and read all the same, and takes records once there is room.
        await using var next = await ServiceProcess.StartAsync(data);
        using var nextClient = next.Connect();
        Assert.Equal(acked, NumbersOf(await nextClient.ReadAllAsync("full", 0)));
        Assert.Equal("KAFKA_STORAGE_ERROR", (await PostAsync(nextClient, number++)).ErrorCode);
        Assert.True(await MountAsync("-o", "remount,size=64m", "tmpfs", volume), "The volume could not be enlarged.");
        Assert.True(await TryAsync(nextClient, acked, number));
        Assert.Equal(acked, NumbersOf(await nextClient.ReadAllAsync("full", 0)));
    }

    private static async Task<Answer> FillAsync(ServiceClient client, List<int> acked, Func<int> next)
    {
        for (var i = 0; i < RequestsMax; i++)
        {
            var number = next();
            var answer = await PostAsync(client, number);
            if (answer.Status != HttpStatusCode.OK)
                return answer;
            acked.Add(number);
        }

        throw new InvalidOperationException("The volume is still not full.");
    }

    private static async Task<bool> TryAsync(ServiceClient client, List<int> acked, int number)
    {
        var isStored = (await PostAsync(client, number)).Status == HttpStatusCode.OK;
        if (isStored)
            acked.Add(number);
        return isStored;
    }

    private static Task<Answer> PostAsync(ServiceClient client, int number) => client.PostAsync(
        "/v1/topics/full/records",
        new JsonObject
        {
            ["records"] = new JsonArray(new JsonObject
            {
                ["value"] = new JsonObject { ["number"] = number, ["padding"] = new string('x', ValueLength) },
            }),
        });

    private static IEnumerable<int> NumbersOf(IEnumerable<ReadRecord> records) => records.Select(record => (int)record.Value!["number"]!);

    private static Task<bool> MountAsync(params string[] arguments) => RunAsync("mount", arguments);

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        var (exitCode, _, _) = await OtherProgram.RunAsync(new ProcessStartInfo(program, arguments));
        return exitCode == 0;
    }
}
