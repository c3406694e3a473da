using System.Diagnostics;
using BenchmarkDotNet.Running;
using OrleansStream.Benchmarks;

// --smoke runs everything once, so that a change that breaks a benchmark is found where nothing is measured.
if (args is ["--smoke"])
{
    var began = Stopwatch.GetTimestamp();
    await Smoke.RunAsync().ConfigureAwait(false);
    Console.WriteLine($"All benchmarks ran once, in {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s.");
    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(Smoke).Assembly).Run(args);
return 0;
