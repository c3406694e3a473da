# One Api node. Built from the repository's root: docker build -f infra/docker/Api.Dockerfile .
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
# Projects before code: packages are restored again only when what is referenced changes.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY .config/ .config/
COPY Grains.Interfaces/*.csproj Grains.Interfaces/
COPY Grains/*.csproj Grains/
COPY Api/*.csproj Api/
RUN dotnet restore Api
COPY Grains.Interfaces/ Grains.Interfaces/
COPY Grains/ Grains/
COPY Api/ Api/
RUN dotnet publish Api --no-restore --configuration Release --output /app -p:UseAppHost=false

# Chiselled: no shell, no package manager, nothing that runs as root.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app .
ENV URLS=http://+:8080 ASPNETCORE_HTTP_PORTS=
EXPOSE 8080
USER $APP_UID
ENTRYPOINT ["dotnet", "OrleansStream.Api.dll"]
