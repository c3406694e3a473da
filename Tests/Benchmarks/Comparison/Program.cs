using System.Diagnostics;
using OrleansStream.Comparison;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Scaling;

if (args is [BareKestrel.Argument, var port])
{
    await BareKestrel.RunAsync(int.Parse(port));
    return 0;
}

if (args is [EndlessKafka.Argument, var kafkaPort, var valueBytes, var batchRecords])
{
    EndlessKafka.Run(int.Parse(kafkaPort), int.Parse(valueBytes), int.Parse(batchRecords));
    return 0;
}

if (!Arguments.TryParse(args, out var arguments, out var error))
{
    await Console.Error.WriteLineAsync($"{error}\n{Arguments.Usage}");
    return 2;
}

if (!Repository.IsRelease)
{
    await Console.Error.WriteLineAsync("This is a debug build; measure with -c Release.");
    return 2;
}

if (arguments.Build is { } build)
    Repository.MeasuredFolder = build;
var began = Stopwatch.GetTimestamp();
var isComplete = true;
if (arguments.IsScaling)
    await new ScalingRun(arguments.IsQuick).RunAsync(Path.Join(Repository.Folder, "Tests", "Benchmarks", "results"));
else
    isComplete = await Runner.RunAsync(arguments);
Console.WriteLine($"{(isComplete ? "Measured" : "Some rows failed")}, in {Stopwatch.GetElapsedTime(began).TotalMinutes:F1} minutes.");
return isComplete ? 0 : 1;
