using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Cli.Consume;

/// <summary>The verb <c>consume</c>: reads records, and writes them to standard output.</summary>
internal static class ConsumeVerb
{
    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var options = new ConsumeOptions();
        return verbs.Make(
            "consume", "Read records: to what is the end now, or on and on with --follow.", call => RunAsync(call, options.Read(call)), options.All);
    }

    private static async Task<int> RunAsync(Call call, ConsumeRequest request)
    {
        IRecordSource source = request.Group is null ? new TopicScan(call, request) : new GroupScan(call, request);
        await source.PlanAsync();
        call.TellAbsence("It is asked again until it does; Ctrl-C ends that.");
        using var writer = new RecordWriter(call.Screen.Output, request.Format);
        long read = 0, written = 0;
        await Drawing.WithProgressAsync(
            call.Screen, call.Time, source.Total, () => (read, $"{Sizes.Records(read)} read, {written:N0} written"),
            () => source.RunAsync(
                record =>
                {
                    read++;
                    if (!request.Filters.Wants(record))
                        return true;
                    writer.Write(record);
                    written++;
                    return written != request.Count;
                },
                call.Screen.Flush),
            // Records and progress on one terminal would tear each other.
            isWanted: !call.Screen.IsOutputTerminal);
        if (read == 0)
            call.Screen.Tell(source.WhyNothing!);
        else if (written == 0)
            call.Screen.Tell($"{Sizes.Records(read)} read, and the filters let none of them through.");
        return ExitCode.Success;
    }
}
