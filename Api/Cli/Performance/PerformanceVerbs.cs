using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Reading;

namespace OrleansStream.Cli.Performance;

/// <summary>The verb <c>perf</c>: how much a service takes and gives from here, and how long a record takes.</summary>
internal static class PerformanceVerbs
{
    private const int RecordsDefault = 100_000, SizeDefault = 100, SizeMax = 1024 * 1024, KeysDefault = 1_000;

    // The most records without an answer.
    private const int UnansweredMax = 100_000;

    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) =>
        VerbMaker.Group("perf", "Measure what a service takes and gives from here.", MakeProduce(verbs), MakeConsume(verbs));

    private static Command MakeProduce(VerbMaker verbs)
    {
        var topic = new TopicChoice("The topic to store in.");
        var count = Count("How many records (default 100,000).");
        var size = new Option<int>("--record-size", "--size") { Description = $"The length of each value in bytes, 1 to {SizeMax} (default {SizeDefault}).", HelpName = "BYTES", DefaultValueFactory = _ => SizeDefault };
        var rate = new Option<int>("--rate", "--throughput") { Description = "Records a second (default as fast as it goes). Latencies mean something only below the most that goes.", HelpName = "COUNT" };
        var keys = new Option<int>("--keys") { Description = $"How many different keys (default {KeysDefault}); 0: none.", HelpName = "COUNT", DefaultValueFactory = _ => KeysDefault };
        var compression = CommonOptions.Compression();
        var linger = CommonOptions.Linger(0);
        return verbs.Make("produce", "Store records, and measure how many a second and how long each takes to be durable.", async call =>
        {
            if (call.Get(count) < 1 || call.Get(size) is < 1 or > SizeMax || call.Get(rate) < 0 || call.Get(keys) < 0)
                throw CallException.Usage($"--records must be at least 1, --record-size from 1 to {SizeMax}, --rate and --keys at least 0.");
            var wait = CommonOptions.LingerOf(call, linger);
            using var load = new ProduceLoad(call, topic.Read(call), call.Get(count), call.Get(size), call.Get(rate), call.Get(keys), UnansweredMax);
            await load.RunAsync(options =>
            {
                options.Compression = call.Get(compression);
                options.Linger = wait;
            });
            PerformanceText.Write(call, load.Topic, load.Answered, load.Answered * (long)call.Get(size), load.Seconds, load.Latencies);
            return ExitCode.Success;
        }, [.. topic.Symbols, count, size, rate, keys, compression, linger]);
    }

    private static Command MakeConsume(VerbMaker verbs)
    {
        var topic = new TopicChoice("The topic to read.");
        var count = Count("At most so many records (default 100,000).");
        return verbs.Make("consume", "Read a topic from its beginning, and measure how many records a second come.", async call =>
        {
            if (call.Get(count) < 1)
                throw CallException.Usage("--records must be at least 1.");
            var name = topic.Read(call);
            long read = 0, bytes = 0;
            var started = call.Time.GetTimestamp();
            await Drawing.WithProgressAsync(
                call.Screen, call.Time, call.Get(count), () => (read, $"{Sizes.Records(read)}, {read / Math.Max(0.001, call.Time.GetElapsedTime(started).TotalSeconds):N0}/s"),
                async () =>
                {
                    var reader = call.Client.Read<ReadOnlyMemory<byte>>(name, options => options.From = ReadFrom.Earliest);
                    await foreach (var record in reader.WithCancellation(call.Stop))
                    {
                        bytes += record.Value.Length + (record.KeyBytes?.Length ?? 0);
                        if (++read >= call.Get(count))
                            return;
                    }
                });
            if (read == 0)
                call.Screen.Tell($"The topic {name} has no records. 'orleansstream perf produce {name}' stores some.");
            PerformanceText.Write(call, name, read, bytes, call.Time.GetElapsedTime(started).TotalSeconds, latencies: null);
            return ExitCode.Success;
        }, [.. topic.Symbols, count]);
    }

    private static Option<int> Count(string description) => new("--records", "--num-records", "-n") { Description = description, HelpName = "COUNT", DefaultValueFactory = _ => RecordsDefault };
}
