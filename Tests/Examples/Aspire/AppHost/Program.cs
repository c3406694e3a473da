var builder = DistributedApplication.CreateBuilder(args);

var stream = builder.AddOrleansStream("stream");

builder.AddProject<Projects.Scoreboard>("scoreboard")
    .WithReference(stream)
    .WaitFor(stream);

builder.Build().Run();
